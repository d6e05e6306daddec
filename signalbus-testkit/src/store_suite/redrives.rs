//! New generations for what ended badly (P4).

use std::time::Duration;

use signalbus_core::{
    TenantId,
    store::{
        ClaimAnswer, DeliveryFilter, EndState, Entry, Next, Reason, Redrive, RedriveContent,
        Redriven, Refusal, Selection, SettleAnswer, State,
    },
};

use super::{Harness, acme, claim, redrive, result, taken, tenant};

const MINUTE: Duration = Duration::from_secs(60);

/// P4: a redriven delivery starts afresh, and its history says who asked.
pub async fn a_dead_delivery_gets_a_new_generation(h: Harness) {
    let worker = h.worker().await;
    let id = h.dead(&worker, "ada").await;
    h.clock.advance(MINUTE);
    let redriven = run(&h, redrive(acme(), Selection::Ids(vec![(id, 0)]))).await;
    assert_eq!(redriven.started, [(id, 1)]);
    assert_eq!(redriven.skipped, []);
    assert!(!redriven.more);
    let delivery = h.delivery(id).await;
    assert_eq!((delivery.state, delivery.reason), (State::Waiting, None));
    assert_eq!(delivery.ended_at, None);
    let ready = worker.ready(id).await;
    assert_eq!((ready.generation, ready.attempt), (1, 0));
    assert_eq!((ready.failures, ready.suspicion), (0, 0));
    assert_eq!(ready.since, h.now());
    let entry = Entry::Redriven {
        actor: "ops".to_owned(),
        ended: 0,
        began: 1,
    };
    assert_eq!(h.history(id).await.last().unwrap().entry, entry);
    worker.sends(id, "m-1").await;
    assert_eq!(h.end(id).await, (EndState::Accepted, Reason::Sent));
}

/// P4: two redrives of one generation cannot both win, one after the other or at once.
pub async fn two_redrives_cannot_both_win(h: Harness) {
    let worker = h.worker().await;
    let id = h.dead(&worker, "ada").await;
    let asked = || redrive(acme(), Selection::Ids(vec![(id, 0)]));
    let store = h.store();
    let (one, two) = tokio::join!(store.redrive(asked()), store.redrive(asked()));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.started.len() + two.started.len(), 1);
    assert_eq!(one.skipped.len() + two.skipped.len(), 1);
    let late = run(&h, asked()).await;
    assert_eq!(late.started, []);
    assert_eq!(late.skipped, [id]);
    assert_eq!(h.delivery(id).await.generation, 1);
}

/// P4: a redrive names the generation it ends. Repeated when the next one has ended too, it starts
/// nothing.
pub async fn an_earlier_generation_is_not_redriven_again(h: Harness) {
    let worker = h.worker().await;
    let id = h.dead(&worker, "ada").await;
    let asked = || redrive(acme(), Selection::Ids(vec![(id, 0)]));
    run(&h, asked()).await;
    let again = worker.ready(id).await;
    worker.claims(&again).await;
    let dead = Next::End(EndState::Dead, Reason::Refused);
    worker.settles(result(&again, dead)).await;
    let late = run(&h, asked()).await;
    assert_eq!((late.started, late.skipped), (vec![], vec![id]));
    assert_eq!(h.delivery(id).await.generation, 1);
    assert_eq!(h.end(id).await, (EndState::Dead, Reason::Refused));
}

/// P4: what would end as it did is redriven where it is asked for alone: by its reason, or by name.
pub async fn a_filter_leaves_out_addresses_that_cannot_be_used(h: Harness) {
    let worker = h.worker().await;
    let dead = h.dead(&worker, "ada").await;
    let [misspelt] = h.given(h.event().to("bob").born_dead()).await;
    assert_eq!(h.end(misspelt).await.1, Reason::InvalidAddress);
    let all = || DeliveryFilter::new().state(State::Ended(EndState::Dead));
    let by = |filter| redrive(acme(), Selection::Filter(filter));
    let told = run(&h, by(all()).dry_run()).await;
    assert_eq!(told.started, [(dead, 1)]);
    assert_eq!(run(&h, by(all())).await.started, [(dead, 1)]);
    assert_eq!(run(&h, by(all())).await.started, []);
    let asked = all().reason(Reason::InvalidAddress);
    assert_eq!(run(&h, by(asked)).await.started, [(misspelt, 1)]);
}

/// P4: named twice in one redrive, it starts once.
pub async fn naming_it_twice_starts_it_once(h: Harness) {
    let worker = h.worker().await;
    let id = h.dead(&worker, "ada").await;
    let redriven = run(&h, redrive(acme(), Selection::Ids(vec![(id, 0), (id, 0)]))).await;
    assert_eq!(redriven.started, [(id, 1)]);
    assert_eq!(h.delivery(id).await.generation, 1);
}

/// P4: only what ended badly is redriven.
pub async fn only_what_ended_badly_is_redriven(h: Harness) {
    let worker = h.worker().await;
    let mut ids = Vec::new();
    for state in EndState::ALL {
        let id = h
            .ended(&worker, state.as_str(), state, Reason::Refused)
            .await;
        ids.push((id, state.can_be_redriven()));
    }
    let [waiting, sending, nowhere] = h
        .given(h.event().to("ada").to("bob").to("cid").without_route())
        .await;
    worker.claims(&worker.ready(sending).await).await;
    ids.extend([waiting, sending, nowhere].map(|id| (id, false)));
    let named = ids.iter().map(|(id, _)| (*id, 0)).collect();
    let redriven = run(&h, redrive(acme(), Selection::Ids(named))).await;
    let of = |wanted: bool| ids.iter().filter(move |(_, can)| *can == wanted);
    let started: Vec<_> = of(true).map(|(id, _)| (*id, 1)).collect();
    let skipped: Vec<_> = of(false).map(|(id, _)| *id).collect();
    assert_eq!(redriven.started, started);
    assert_eq!(redriven.skipped, skipped);
    assert_eq!(h.state(waiting).await, State::Waiting);
    assert_eq!(h.state(sending).await, State::Sending);
}

/// P4: claims and results of the generation that ended change nothing.
pub async fn the_old_generation_is_fenced(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let old = worker.ready(ada).await;
    worker.claims(&old).await;
    let dead = Next::End(EndState::Dead, Reason::Refused);
    worker.settles(result(&old, dead)).await;
    run(&h, redrive(acme(), Selection::Ids(vec![(ada, 0)]))).await;
    let answer = worker.claim(claim(&old)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Moved)),
        "{answer:?}"
    );
    let new = worker.ready(ada).await;
    worker.claims(&new).await;
    let late = taken(&old, "m-1");
    assert_eq!(worker.settle(late).await, SettleAnswer::Already);
    assert_eq!(h.state(ada).await, State::Sending);
}

/// By filter the oldest go first, up to the limit, and the answer says whether there are more.
pub async fn a_filter_takes_the_oldest_first(h: Harness) {
    let worker = h.worker().await;
    let one = h.dead(&worker, "ada").await;
    h.ended(&worker, "bob", EndState::Expired, Reason::Expired)
        .await;
    let two = h.dead(&worker, "cid").await;
    let three = h.dead(&worker, "dan").await;
    let asked = || Redrive {
        limit: 2,
        ..redrive(acme(), Selection::Filter(DeliveryFilter::new().dead()))
    };
    let redriven = run(&h, asked()).await;
    assert_eq!(redriven.started, [(one, 1), (two, 1)]);
    assert!(redriven.more);
    let redriven = run(&h, asked()).await;
    assert_eq!(redriven.started, [(three, 1)]);
    assert!(!redriven.more);
}

/// An empty filter redrives what can be redriven, and nothing else.
pub async fn an_empty_filter_takes_only_what_can_be_redriven(h: Harness) {
    let worker = h.worker().await;
    let dead = h.dead(&worker, "ada").await;
    h.ended(&worker, "bob", EndState::Accepted, Reason::Sent)
        .await;
    h.given::<1>(h.event().to("cid")).await;
    let all = Selection::Filter(DeliveryFilter::new());
    let redriven = run(&h, redrive(acme(), all)).await;
    assert_eq!(redriven.started, [(dead, 1)]);
    assert_eq!(redriven.skipped, []);
}

/// P8: redriven deliveries are spread over time.
pub async fn redriven_deliveries_are_spread_out(h: Harness) {
    let worker = h.worker().await;
    let mut ids = Vec::new();
    for name in ["ada", "bob", "cid"] {
        ids.push((h.dead(&worker, name).await, 0));
    }
    let spaced = Redrive {
        spacing: MINUTE,
        ..redrive(acme(), Selection::Ids(ids.clone()))
    };
    run(&h, spaced).await;
    for (nth, (id, _)) in (0..).zip(ids) {
        assert_eq!(h.delivery(id).await.due, Some(h.after(MINUTE * nth)));
    }
    assert_eq!(worker.fetch().await.ready.len(), 1);
}

/// A dry run says what would happen and changes nothing.
pub async fn a_dry_run_changes_nothing(h: Harness) {
    let worker = h.worker().await;
    let id = h.dead(&worker, "ada").await;
    let asked = redrive(acme(), Selection::Ids(vec![(id, 0)]));
    let dry = Redrive {
        dry_run: true,
        ..asked.clone()
    };
    let said = run(&h, dry).await;
    assert_eq!(said.started, [(id, 1)]);
    assert_eq!(h.end(id).await, (EndState::Dead, Reason::Refused));
    assert_eq!(h.history(id).await.len(), 1);
    assert_eq!(run(&h, asked).await, said);
}

/// A new end of life takes the place of the old one.
pub async fn a_redrive_may_give_more_time(h: Harness) {
    let event = h.event().to("ada").expires_at(h.after(MINUTE));
    let [ada] = h.given(event).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    h.clock.advance(MINUTE);
    worker.claim(claim(&ready)).await;
    let longer = h.after(MINUTE);
    let asked = Redrive {
        expires_at: Some(longer),
        ..redrive(acme(), Selection::Ids(vec![(ada, 0)]))
    };
    run(&h, asked).await;
    assert_eq!(h.delivery(ada).await.expires_at, Some(longer));
    worker.sends(ada, "m-1").await;
}

/// Fresh content forgets the old rendering; frozen content keeps it.
pub async fn frozen_content_keeps_the_rendering(h: Harness) {
    let worker = h.worker().await;
    for (content, kept) in [
        (RedriveContent::Fresh, None),
        (RedriveContent::Frozen, Some(&b"Dear Ada"[..])),
    ] {
        let [id] = h.given(h.event().to("ada")).await;
        let ready = worker.ready(id).await;
        worker.claims(&ready).await;
        let mut settle = result(&ready, Next::End(EndState::Dead, Reason::Refused));
        settle.rendering = Some(b"Dear Ada".to_vec().into());
        worker.settles(settle).await;
        let asked = Redrive {
            content,
            ..redrive(acme(), Selection::Ids(vec![(id, 0)]))
        };
        run(&h, asked).await;
        let claimed = worker.claims(&worker.ready(id).await).await;
        assert_eq!(claimed.rendering.as_deref(), kept, "{content:?}");
    }
}

/// P4: what was called off before is not called off in its new generation.
pub async fn a_new_generation_is_not_called_off(h: Harness) {
    use signalbus_core::store::{Cancel, CancelTarget};

    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let cancel = Cancel {
        target: CancelTarget::Delivery(ada),
        actor: "ops".to_owned(),
    };
    h.store().cancel(&acme(), cancel).await.unwrap();
    let dead = Next::End(EndState::Dead, Reason::Refused);
    worker.settles(result(&ready, dead)).await;
    run(&h, redrive(acme(), Selection::Ids(vec![(ada, 0)]))).await;
    worker.postpones(ada, Duration::ZERO).await;
    assert!(worker.sees(ada).await);
}

/// P6: nobody redrives another tenant's messages, by id or by a filter that names it.
pub async fn a_tenant_redrives_only_its_own(h: Harness) {
    let worker = h.worker().await;
    let id = h.dead(&worker, "ada").await;
    let other = |selection| redrive(tenant("other"), selection);
    let redriven = run(&h, other(Selection::Ids(vec![(id, 0)]))).await;
    assert_eq!((redriven.started, redriven.skipped), (vec![], vec![id]));
    let filter = DeliveryFilter::new().tenant(acme()).dead();
    let redriven = run(&h, other(Selection::Filter(filter))).await;
    assert_eq!(redriven, Redriven::default());
    assert_eq!(h.end(id).await, (EndState::Dead, Reason::Refused));
}

/// Unknown ids are skipped.
pub async fn unknown_ids_are_skipped(h: Harness) {
    let id = h.unknown_delivery();
    let named = Selection::Ids(vec![(id, 0)]);
    let redriven = run(&h, redrive(TenantId::default(), named)).await;
    assert_eq!(redriven.skipped, [id]);
    assert_eq!(redriven.started, []);
}

async fn run(h: &Harness, redrive: Redrive) -> Redriven {
    h.store().redrive(redrive).await.unwrap()
}
