//! Claims that are refused and end the delivery: expiry and the suppression list (P2).

use std::time::Duration;

use signalbus_core::store::{
    AddressHash, ClaimAnswer, Effect, EndState, Entry, Next, Reason, Refusal, SettleAnswer, State,
};

use super::{Harness, acme, channel, claim, result, suppression, tenant};

const MINUTE: Duration = Duration::from_secs(60);

/// P2: what has expired is not sent: at its time exactly it ends, and its history says why.
pub async fn the_expired_is_refused_and_ends(h: Harness) {
    let event = h.event().to("ada").expires_at(h.after(MINUTE));
    let [ada] = h.given(event).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    h.clock.advance(MINUTE);
    let answer = worker.claim(claim(&ready)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Expired)),
        "{answer:?}"
    );
    assert_eq!(h.end(ada).await, (EndState::Expired, Reason::Expired));
    assert_eq!(h.delivery(ada).await.ended_at, Some(h.now()));
    assert_eq!(
        h.history(ada).await.last().unwrap().entry,
        Entry::Ended {
            state: EndState::Expired,
            reason: Reason::Expired,
            detail: None,
        }
    );
    assert!(!worker.sees(ada).await);
}

/// P2: just before its time it may still be sent.
pub async fn what_is_about_to_expire_is_sent(h: Harness) {
    let event = h.event().to("ada").expires_at(h.after(MINUTE));
    let [ada] = h.given(event).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    h.clock.advance(MINUTE - Duration::from_millis(1));
    worker.claims(&ready).await;
}

/// P2: nothing is sent to an address on the list, and the history says why.
pub async fn the_suppressed_is_refused_and_ends(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    h.suppress("ada").await;
    let answer = worker.claim(claim(&ready)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Suppressed)),
        "{answer:?}"
    );
    assert_eq!(h.end(ada).await, (EndState::Suppressed, Reason::Suppressed));
    assert_eq!(
        h.history(ada).await.last().unwrap().entry,
        Entry::Ended {
            state: EndState::Suppressed,
            reason: Reason::Suppressed,
            detail: Some(suppression("acme", "ada").reason),
        }
    );
}

/// P3: what was refused stays so: the same claim again does not send.
pub async fn what_was_refused_stays_refused(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    h.suppress("ada").await;
    worker.claim(claim(&ready)).await;
    let again = worker.claim(claim(&ready)).await;
    assert!(matches!(again, ClaimAnswer::Refused(_)), "{again:?}");
    assert_eq!(h.history(ada).await.len(), 1);
}

/// P6: a list belongs to a tenant and a channel.
pub async fn lists_stand_apart(h: Harness) {
    let mut sms = suppression("acme", "ada");
    sms.channel = channel("sms");
    sms.address = AddressHash::of(&channel("sms"), "ada");
    let theirs = suppression("other", "ada");
    h.store().suppress(vec![sms, theirs]).await.unwrap();
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
}

/// An address taken off the list is sent to again; the store says whether it was on it.
pub async fn an_address_can_be_taken_off(h: Harness) {
    h.suppress("ada").await;
    h.suppress("ada").await;
    let of = suppression("acme", "ada");
    let store = h.store();
    let unsuppress = async |tenant| {
        store
            .unsuppress(&tenant, &of.channel, of.address)
            .await
            .unwrap()
    };
    assert!(!unsuppress(tenant("other")).await);
    assert!(unsuppress(acme()).await);
    assert!(!unsuppress(acme()).await);
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    worker.sends(ada, "m-1").await;
}

/// P2: a result may put the address on the list, in its own transaction.
pub async fn a_result_may_suppress_its_address(h: Harness) {
    let [first] = h.given(h.event().to("ada")).await;
    let [second] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(first).await;
    worker.claims(&ready).await;
    let mut settle = result(&ready, Next::End(EndState::Dead, Reason::Refused));
    settle.effects = vec![Effect::Suppress(suppression("acme", "ada"))];
    worker.settles(settle).await;
    let answer = worker.claim(claim(&worker.ready(second).await)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Suppressed)),
        "{answer:?}"
    );
}

/// P3: a result that comes too late has no effect on the list either.
pub async fn a_late_result_suppresses_nothing(h: Harness) {
    let [first] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(first).await;
    worker.sends(first, "m-1").await;
    let mut late = result(&ready, Next::End(EndState::Dead, Reason::Refused));
    late.effects = vec![Effect::Suppress(suppression("acme", "ada"))];
    assert_eq!(worker.settle(late).await, SettleAnswer::Already);
    let [second] = h.given(h.event().to("ada")).await;
    worker.sends(second, "m-2").await;
    assert_eq!(h.state(second).await, State::Ended(EndState::Accepted));
}
