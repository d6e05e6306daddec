//! Looking things up (P6).

use std::{collections::BTreeSet, time::Duration};

use signalbus_core::{
    DeliveryId, Topic,
    store::{DeliveryFilter, EndState, PageToken, Reason, State, StoreErrorKind, Tally},
};

use super::{Harness, acme, channel, provider, suppression, tenant};

/// What was never stored is not found.
pub async fn the_unknown_is_not_found(h: Harness) {
    let store = h.store();
    let (event, delivery) = (h.unknown_event(), h.unknown_delivery());
    assert!(store.event(&acme(), event).await.unwrap().is_none());
    assert!(store.delivery(&acme(), delivery).await.unwrap().is_none());
    assert_eq!(store.history(&acme(), delivery).await.unwrap(), []);
    assert_eq!(listed(&h, &DeliveryFilter::new()).await, []);
    assert_eq!(store.tally(&DeliveryFilter::new()).await.unwrap(), []);
}

/// P6: a tenant sees nothing of another's, even when it knows the ids.
pub async fn a_tenant_sees_only_its_own(h: Harness) {
    let event = h.event().to("ada");
    let id = event.id;
    let [ada] = h.given(event).await;
    let worker = h.worker().await;
    worker.sends(ada, "m-1").await;
    let (store, other) = (h.store(), tenant("other"));
    assert!(store.event(&other, id).await.unwrap().is_none());
    assert!(store.delivery(&other, ada).await.unwrap().is_none());
    assert_eq!(store.history(&other, ada).await.unwrap(), []);
    let filter = DeliveryFilter::new().tenant(other).event(id);
    assert_eq!(listed(&h, &filter).await, []);
    assert_eq!(store.tally(&filter).await.unwrap(), []);
}

/// Pages follow each other in the order of positions, and the last one says so.
pub async fn pages_follow_each_other(h: Harness) {
    let ids: [DeliveryId; 5] = h
        .given(h.event().to("a").to("b").to("c").to("d").to("e"))
        .await;
    let mut page = PageToken::first(2);
    let mut found = Vec::new();
    for expected in [2, 2, 1] {
        let filter = DeliveryFilter::new();
        let answer = h.store().list(&filter, page).await.unwrap();
        assert_eq!(answer.items.len(), expected);
        found.extend(answer.items.iter().map(|item| item.id));
        match answer.next {
            Some(next) => page = next,
            None => assert_eq!(found.len(), 5),
        }
    }
    assert_eq!(found, ids);
    let all = h
        .store()
        .list(&DeliveryFilter::new(), PageToken::first(5))
        .await;
    assert_eq!(all.unwrap().next, None);
}

/// A page without room is refused: it would have no end.
pub async fn a_page_needs_room(h: Harness) {
    let filter = DeliveryFilter::new();
    let error = h
        .store()
        .list(&filter, PageToken::first(0))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
}

/// Each part of a filter narrows the list, and they work together.
pub async fn filters_narrow(h: Harness) {
    let plain = DeliveryFilter::new;
    let worker = h.worker().await;
    let dead = h.dead(&worker, "ada").await;
    h.clock.advance(Duration::from_secs(60));
    let noon = h.now();
    let invoice = h
        .event()
        .topic("invoice.paid")
        .to("bob")
        .on("sms")
        .to("cid");
    let event = invoice.id;
    let [sms, sending] = h.given(invoice).await;
    worker.claims(&worker.ready(sending).await).await;
    let [theirs] = h.given(h.event().tenant("other").to("ada")).await;
    let topic = Topic::new("invoice.paid").unwrap();
    for (filter, expected) in [
        (plain(), vec![dead, sms, sending, theirs]),
        (plain().tenant(acme()), vec![dead, sms, sending]),
        (plain().event(event), vec![sms, sending]),
        (plain().topic(topic.clone()), vec![sms, sending]),
        (plain().channel(channel("sms")), vec![sms]),
        (plain().dead(), vec![dead]),
        (plain().state(State::Sending), vec![sending]),
        (plain().state(State::Waiting), vec![sms, theirs]),
        (plain().reason(Reason::Refused), vec![dead]),
        (plain().reason(Reason::Other("no".to_owned())), vec![]),
        (plain().accepted_from(noon), vec![sms, sending, theirs]),
        (plain().accepted_before(noon), vec![dead]),
        (
            plain().topic(topic).channel(channel("email")),
            vec![sending],
        ),
        (plain().event(event).tenant(tenant("other")), vec![]),
    ] {
        assert_eq!(listed(&h, &filter).await, expected, "{filter:?}");
        let tallied = h.store().tally(&filter).await.unwrap();
        let count: u64 = tallied.iter().map(|tally| tally.count).sum();
        assert_eq!(count, u64::try_from(expected.len()).unwrap(), "{filter:?}");
    }
}

/// By whom it is for and by what the provider calls it: for who was asked about one message.
pub async fn one_message_is_found(h: Harness) {
    let plain = DeliveryFilter::new;
    let worker = h.worker().await;
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    let [theirs] = h.given(h.event().tenant("other").to("ada")).await;
    worker.sends(ada, "m-1").await;
    worker.sends(theirs, "m-1").await;
    let address = suppression("acme", "ada").address;
    let taken_by = h.delivery(ada).await.provider.unwrap();
    for (filter, expected) in [
        (plain().address(address), vec![ada, theirs]),
        (plain().address(address).tenant(acme()), vec![ada]),
        (plain().message_id("m-1"), vec![ada, theirs]),
        (
            plain().message_id("m-1").tenant(tenant("other")),
            vec![theirs],
        ),
        (plain().message_id("m-2"), vec![]),
        (plain().message_id("m-1 "), vec![]),
        (plain().provider(taken_by.clone()), vec![ada, theirs]),
        (plain().provider(provider("nobody")), vec![]),
        (plain().state(State::Waiting), vec![bob]),
    ] {
        assert_eq!(listed(&h, &filter).await, expected, "{filter:?}");
    }
}

/// Deliveries are counted by tenant, channel, state and reason, with the age of the oldest.
pub async fn a_tally_counts_by_kind(h: Harness) {
    let worker = h.worker().await;
    let start = h.now();
    h.dead(&worker, "ada").await;
    h.clock.advance(Duration::from_secs(10));
    h.dead(&worker, "bob").await;
    let soon = h.after(Duration::from_secs(60));
    let scheduled = h.event().to("ada").send_at(soon).to("bob").send_at(soon);
    h.given::<2>(scheduled).await;
    let routeless = h.event().tenant("other").to("eve").without_route();
    h.accept([routeless]).await;
    let dead = Tally {
        tenant: acme(),
        channel: Some(channel("email")),
        state: State::Ended(EndState::Dead),
        reason: Some(Reason::Refused),
        count: 2,
        oldest: Some(start),
    };
    let waiting = Tally {
        state: State::Waiting,
        reason: None,
        oldest: Some(soon),
        ..dead.clone()
    };
    let routeless = Tally {
        tenant: tenant("other"),
        channel: None,
        state: State::Ended(EndState::NotNeeded),
        reason: Some(Reason::NoRoute),
        count: 1,
        oldest: Some(h.now()),
    };
    let tallied = h.store().tally(&DeliveryFilter::new()).await.unwrap();
    assert_eq!(tallied.len(), 3, "{tallied:?}");
    for expected in [dead, waiting, routeless] {
        assert!(
            tallied.contains(&expected),
            "{expected:?} is not in {tallied:?}"
        );
    }
}

async fn listed(h: &Harness, filter: &DeliveryFilter) -> Vec<DeliveryId> {
    let page = h.store().list(filter, PageToken::first(100)).await.unwrap();
    let ids: Vec<DeliveryId> = page.items.iter().map(|item| item.id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    ids
}
