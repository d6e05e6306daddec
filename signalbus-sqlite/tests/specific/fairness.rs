//! Nobody waits behind another's masses.

use std::{collections::HashMap, sync::Arc, time::Duration};

use signalbus::{
    clock::{Clock, later},
    event::{Class, Order},
    store::{ClassWindow, EndState, NewEvent, Next, Reason, Store},
};
use signalbus_sqlite::{SqliteStore, Synchronous};
use signalbus_testkit::clock::ManualClock;

use crate::support::{
    Place, claim_all, event, fetch, hold, ids, ordered, sendable, sent, settle_all, window,
};

async fn open(place: &Place, clock: &ManualClock) -> SqliteStore {
    SqliteStore::builder(place.database())
        .clock(Arc::new(clock.clone()))
        .synchronous(Synchronous::Normal)
        .open()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_hundred_thousand_hide_nobody() {
    let place = Place::new();
    let store = open(&place, &ManualClock::default()).await;
    let ids = ids();
    for _ in 0..50 {
        let flood: Vec<NewEvent> = (0..2_000)
            .map(|_| event(&ids, "flood", Class::Bulk))
            .collect();
        store.accept(flood, Vec::new()).await.unwrap();
    }
    let others = vec![
        event(&ids, "acme", Class::Urgent),
        event(&ids, "zeta", Class::Bulk),
    ];
    let wanted: Vec<_> = others.iter().map(|event| event.deliveries[0].id).collect();
    store.accept(others, Vec::new()).await.unwrap();
    let lanes = hold(&store, &ids).await;

    let begun = std::time::Instant::now();
    let fetched = fetch(&store, &lanes).await;
    let took = begun.elapsed();
    let found: Vec<_> = fetched.ready.iter().map(|ready| ready.id).collect();
    assert!(wanted.iter().all(|id| found.contains(id)));
    assert_eq!(fetched.ready.len(), 102, "100 of the flood");
    assert!(took < Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn a_cut_class_goes_on_behind_the_last_group() {
    let place = Place::new();
    let store = open(&place, &ManualClock::default()).await;
    let ids = ids();
    for tenant in ["a", "b", "c", "d", "e"] {
        let events = (0..4).map(|_| event(&ids, tenant, Class::Standard));
        store.accept(events.collect(), Vec::new()).await.unwrap();
    }
    let lanes = hold(&store, &ids).await;
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut after = None;
    for _ in 0..5 {
        let mut window = window(0, 2);
        window.classes = vec![ClassWindow {
            class: Class::Standard,
            total: 4,
            after: after.take(),
            skip: Vec::new(),
        }];
        let fetched = store.fetch(&lanes, window).await.unwrap();
        assert_eq!(fetched.ready.len(), 4);
        for ready in &fetched.ready {
            *seen.entry(ready.tenant.to_string()).or_default() += 1;
        }
        after = fetched.resume.into_iter().map(|(_, group)| group).next();
        assert!(after.is_some());
    }
    assert_eq!(seen.len(), 5);
    assert!(seen.values().all(|count| *count == 4), "{seen:?}");
}

#[tokio::test]
async fn when_very_much_is_due_everybody_gets_a_little() {
    let place = Place::new();
    let clock = ManualClock::default();
    let store = open(&place, &clock).await;
    let ids = ids();
    let at = later(clock.now(), Duration::from_secs(60));
    let scheduled = |tenant: &str, class| {
        let mut event = event(&ids, tenant, class);
        event.deliveries[0].send_at = Some(at);
        event
    };
    let flood = (0..6_000)
        .map(|_| scheduled("flood", Class::Bulk))
        .collect();
    store.accept(flood, Vec::new()).await.unwrap();
    let mut late = scheduled("zeta", Class::Bulk);
    late.deliveries[0].send_at = Some(later(at, Duration::from_secs(1)));
    let wanted = late.deliveries[0].id;
    store.accept(vec![late], Vec::new()).await.unwrap();
    let lanes = hold(&store, &ids).await;
    let fetched = fetch(&store, &lanes).await;
    assert!(fetched.ready.is_empty());
    assert_eq!(fetched.next_due, Some(at));

    clock.advance(Duration::from_secs(61));
    assert!(sendable(&store, &lanes).await.contains(&wanted));
    let rest = fetch(&store, &lanes).await.next_due;
    assert!(rest.is_some_and(|due| due <= clock.now()), "more is due");
}

#[tokio::test]
async fn a_strict_chain_goes_one_by_one_and_is_not_walked_through() {
    let place = Place::new();
    let clock = ManualClock::default();
    let store = open(&place, &clock).await;
    let ids = ids();
    let chain: Vec<NewEvent> = (0..20_000)
        .map(|_| ordered(event(&ids, "acme", Class::Standard), Order::Strict))
        .collect();
    let order: Vec<_> = chain.iter().map(|event| event.deliveries[0].id).collect();
    for chunk in chain.chunks(2_000) {
        store.accept(chunk.to_vec(), Vec::new()).await.unwrap();
    }
    let lanes = hold(&store, &ids).await;
    let mut head = fetch(&store, &lanes).await.ready;
    head.truncate(1);
    assert_eq!(head[0].id, order[0]);
    assert_eq!(claim_all(&store, &lanes, &head).await, 1);
    let begun = std::time::Instant::now();
    assert!(sendable(&store, &lanes).await.is_empty());
    assert!(begun.elapsed() < Duration::from_millis(200));

    settle_all(&store, &lanes, &head, Next::Retry(Duration::from_secs(9))).await;
    assert!(sendable(&store, &lanes).await.is_empty(), "the head waits");
    clock.advance(Duration::from_secs(9));
    let mut head = fetch(&store, &lanes).await.ready;
    head.truncate(1);
    assert_eq!((head[0].id, head[0].attempt), (order[0], 1));
    claim_all(&store, &lanes, &head).await;
    settle_all(&store, &lanes, &head, sent()).await;
    assert_eq!(sendable(&store, &lanes).await[0], order[1]);
}

#[tokio::test]
async fn a_dead_one_blocks_only_who_asked_for_it() {
    let place = Place::new();
    let store = open(&place, &ManualClock::default()).await;
    let ids = ids();
    let dies = ordered(event(&ids, "acme", Class::Standard), Order::Start);
    let blocked = ordered(event(&ids, "acme", Class::Standard), Order::StrictBlocking);
    let mut other = ordered(event(&ids, "acme", Class::Standard), Order::Strict);
    other.deliveries[0].order_key = 2;
    let mut other_dies = ordered(event(&ids, "acme", Class::Standard), Order::Strict);
    other_dies.deliveries[0].order_key = 2;
    let skips = other.deliveries[0].id;
    let events = vec![dies, other_dies, blocked, other];
    store.accept(events, Vec::new()).await.unwrap();
    let lanes = hold(&store, &ids).await;
    let heads: Vec<_> = fetch(&store, &lanes).await.ready[..2].to_vec();
    claim_all(&store, &lanes, &heads).await;
    let dead = Next::End(EndState::Dead, Reason::Refused);
    settle_all(&store, &lanes, &heads, dead).await;
    assert_eq!(sendable(&store, &lanes).await, [skips]);
}
