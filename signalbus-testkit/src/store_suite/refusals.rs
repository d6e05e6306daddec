//! Claims that are refused and end the delivery: expiry and the suppression list (P2).

use std::time::Duration;

use signalbus_core::{
    DeliveryId, Order,
    store::{
        AddressHash, Cause, ClaimAnswer, Effect, EndState, Entry, Listed, Next, Reason, Refusal,
        Scope, SettleAnswer, State, Suppression, SuppressionFilter, Unsuppress,
    },
};

use super::{Draft, Harness, acme, channel, claim, result, suppression, tenant};

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
            detail: Some(suppression("acme", "ada").cause.into()),
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
        let which = Unsuppress::new(tenant, of.channel.clone(), of.address);
        store.unsuppress(which).await.unwrap()
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

/// Of two entries with one key the graver cause stays, whichever came first.
pub async fn of_two_causes_the_graver_stays(h: Harness) {
    let entry = |cause: Cause, code: &str| {
        let mut entry = suppression("acme", "ada");
        entry.cause = cause;
        entry.code = Some(code.to_owned());
        entry
    };
    for cause in [Cause::Unsubscribed, Cause::Complained, Cause::Bounced] {
        let code = cause.as_str().to_owned();
        h.store().suppress(vec![entry(cause, &code)]).await.unwrap();
    }
    let listed = against(&h, "acme", "ada", None, None).await.unwrap();
    assert_eq!(listed.cause, Cause::Complained);
    assert_eq!(listed.code.as_deref(), Some("complained"));
    let both = vec![entry(Cause::Manual, "m"), entry(Cause::Bounced, "b")];
    let both = both.into_iter().map(|mut entry| {
        entry.address = AddressHash::of(&channel("email"), "bob");
        entry
    });
    h.store().suppress(both.collect()).await.unwrap();
    let listed = against(&h, "acme", "bob", None, None).await.unwrap();
    assert_eq!(listed.cause, Cause::Bounced, "in one call");
}

/// A scope keeps back what one sender sends, or one category, and nothing else.
pub async fn a_suppression_may_bind_one_sender_or_category(h: Harness) {
    let of_sender = suppression("acme", "ada").within(Scope::sender("+4915112345"));
    let of_category = suppression("acme", "ada").within(Scope::category("newsletter"));
    h.store()
        .suppress(vec![of_sender, of_category])
        .await
        .unwrap();
    let names = ["+4915112345", "other"];
    let categories = ["newsletter", "invoice"];
    let unordered = |event: Draft| event.order(Order::Unordered);
    let mut event = h.event();
    for name in names {
        event = unordered(event.to("ada")).sender(name);
    }
    for category in categories {
        event = unordered(event.to("ada"))
            .sender("other")
            .category(category);
    }
    // Who would send it is not known: it could be the one.
    event = unordered(event.to("ada"));
    let ids: [DeliveryId; 5] = h.given(event).await;
    let worker = h.worker().await;
    for (id, bound) in ids.into_iter().zip([true, false, true, false, true]) {
        let answer = worker.claim(claim(&worker.ready(id).await)).await;
        let refused = matches!(answer, ClaimAnswer::Refused(Refusal::Suppressed));
        assert_eq!(refused, bound, "{answer:?}");
    }
}

/// The list of all tenants binds each of them.
pub async fn the_list_of_all_tenants_binds_each(h: Harness) {
    let all = suppression("acme", "ada").for_all_tenants();
    h.store().suppress(vec![all.clone()]).await.unwrap();
    h.accept([h.event().tenant("other").to("ada")]).await;
    let [ours] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    for ready in worker.fetch().await.ready {
        let answer = worker.claim(claim(&ready)).await;
        assert!(
            matches!(answer, ClaimAnswer::Refused(Refusal::Suppressed)),
            "{answer:?}"
        );
    }
    assert_eq!(
        h.end(ours).await,
        (EndState::Suppressed, Reason::Suppressed)
    );
    let listed = against(&h, "third", "ada", None, None).await;
    assert_eq!(listed, Some(all));
}

/// What is taken off is the entry with exactly this key, and, where asked, only for its cause.
pub async fn only_the_named_entry_is_taken_off(h: Harness) {
    let whole = suppression("acme", "ada");
    let stop = Scope::sender("62626");
    let mut of_sender = whole.clone().within(stop.clone());
    of_sender.cause = Cause::Unsubscribed;
    let entries = vec![whole.clone(), of_sender, whole.clone().for_all_tenants()];
    h.store().suppress(entries).await.unwrap();
    let take = |which: Unsuppress| {
        let store = h.store();
        async move { store.unsuppress(which).await.unwrap() }
    };
    let which = Unsuppress::new(acme(), channel("email"), whole.address);
    assert!(!take(which.clone().within(stop.clone()).only(Cause::Complained)).await);
    assert!(take(which.clone().within(stop.clone()).only(Cause::Unsubscribed)).await);
    assert!(!take(which.clone().within(stop)).await);
    assert!(take(which.clone()).await);
    assert!(
        against(&h, "acme", "ada", None, None).await.is_some(),
        "of all tenants"
    );
    let mut of_all = which;
    of_all.tenant = None;
    assert!(take(of_all).await);
    assert_eq!(against(&h, "acme", "ada", None, None).await, None);
}

/// Before something else is sent to an address (a copy, say), the list can be asked; answers come in
/// the order of questions.
pub async fn the_list_can_be_asked(h: Harness) {
    let mut entry = suppression("acme", "ada").within(Scope::category("newsletter"));
    entry.as_of = Some(h.now());
    h.store().suppress(vec![entry.clone()]).await.unwrap();
    let ask = |name: &str, category: Option<&str>| question("acme", name, None, category);
    let asked = vec![
        ask("bob", None),
        ask("ada", Some("newsletter")),
        ask("ada", Some("invoice")),
        question("other", "ada", None, Some("newsletter")),
        ask("ada", None),
    ];
    let answers = h.store().suppressed(asked).await.unwrap();
    assert_eq!(answers, [None, Some(entry), None, None, None]);
}

fn question(of: &str, name: &str, sender: Option<&str>, category: Option<&str>) -> Listed {
    let address = AddressHash::of(&channel("email"), name);
    let mut listed = Listed::new(tenant(of), channel("email"), address);
    listed.sender = sender.map(str::to_owned);
    listed.category = category.map(str::to_owned);
    listed
}

async fn against(
    h: &Harness,
    of: &str,
    name: &str,
    sender: Option<&str>,
    category: Option<&str>,
) -> Option<Suppression> {
    let asked = vec![question(of, name, sender, category)];
    h.store().suppressed(asked).await.unwrap().remove(0)
}

/// What stands on the list of a tenant, in the order of places, and nothing of another's.
pub async fn the_list_of_a_tenant_comes_a_page_at_a_time(h: Harness) {
    let mut sms = suppression("acme", "ada");
    sms.channel = channel("sms");
    sms.cause = Cause::Complained;
    sms.as_of = Some(h.now() - Duration::from_secs(60));
    let mine = vec![
        suppression("acme", "ada"),
        suppression("acme", "ada").within(Scope::category("newsletter")),
        suppression("acme", "ada").within(Scope::sender("+4915112345")),
        suppression("acme", "bob"),
        sms,
    ];
    let others = vec![
        suppression("other", "ada"),
        suppression("acme", "eve").for_all_tenants(),
    ];
    let store = h.store();
    store.suppress(mine.clone()).await.unwrap();
    store.suppress(others).await.unwrap();
    let mut sorted: Vec<_> = mine.iter().map(Suppression::place).collect();
    sorted.sort();
    for limit in [1, 2, 5, 100] {
        let mut filter = SuppressionFilter::first(acme(), limit);
        let mut found = Vec::new();
        loop {
            let page = store.suppressions(&filter).await.unwrap();
            assert!(page.len() <= usize::try_from(limit).unwrap());
            assert!(page.iter().all(|entry| entry.tenant == Some(acme())));
            let Some(last) = page.last() else { break };
            filter = filter.after(last.place());
            found.extend(page.iter().map(Suppression::place));
        }
        assert_eq!(found, sorted, "{limit}");
    }
    let all = || SuppressionFilter::first(acme(), 100);
    let bob = suppression("acme", "bob").address;
    for (filter, count) in [
        (all().channel(channel("sms")), 1),
        (all().channel(channel("push")), 0),
        (all().address(bob), 1),
        (all().cause(Cause::Complained), 1),
        (all().cause("nothing"), 0),
    ] {
        let page = store.suppressions(&filter).await.unwrap();
        assert_eq!(page.len(), count, "{filter:?}");
    }
    // Since when somebody said so, or else since it was put there.
    let since = |from: Option<u64>, before: Option<u64>| {
        let ago = |seconds| h.now() - Duration::from_secs(seconds);
        let mut filter = all();
        filter.since_from = from.map(ago);
        filter.since_before = before.map(ago);
        filter
    };
    for (filter, count) in [
        (since(Some(60), None), 5),
        (since(Some(59), None), 4),
        (since(None, Some(60)), 0),
        (since(None, Some(59)), 1),
        (since(None, Some(0)), 1),
        (since(Some(0), None), 4),
    ] {
        let page = store.suppressions(&filter).await.unwrap();
        assert_eq!(page.len(), count, "{filter:?}");
    }
    let sms = store.suppressions(&all().channel(channel("sms"))).await;
    assert_eq!(sms.unwrap(), mine[4..]);
}
