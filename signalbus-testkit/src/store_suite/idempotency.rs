//! Keys: how a repeated publish is recognised (P7).

use signalbus_core::store::{Acceptance, NewEvent, PageToken};

use super::{Harness, acme, tenant};

/// P7: same key, same content: a duplicate, with the event from then.
pub async fn the_same_content_is_a_duplicate(h: Harness) {
    let first = h.event().key("order-1").content("paid").to("ada");
    let original = first.id;
    h.accept([first]).await;
    let answers = h
        .accept([h.event().key("order-1").content("paid").to("ada")])
        .await;
    let [Acceptance::Duplicate(event)] = answers.as_slice() else {
        panic!("{answers:?}");
    };
    assert_eq!(event.id, original);
    assert_eq!(event.tenant, acme());
    assert_eq!(event.content, "paid");
    assert_eq!(deliveries(&h).await, 1);
}

/// P7: same key, other content: a conflict that names the event from then; nothing is stored.
pub async fn other_content_is_a_conflict(h: Harness) {
    let first = h.event().key("order-1").content("paid").to("ada");
    let original = first.id;
    h.accept([first]).await;
    let second = h.event().key("order-1").content("refunded").to("ada");
    let refused = second.id;
    let answers = h.accept([second]).await;
    assert!(
        matches!(answers.as_slice(), [Acceptance::Conflict(by)] if *by == original),
        "{answers:?}"
    );
    assert!(h.store().event(&acme(), refused).await.unwrap().is_none());
    assert_eq!(deliveries(&h).await, 1);
}

/// P7: keys are compared within a batch too, and the first wins.
pub async fn a_batch_is_compared_with_itself(h: Harness) {
    let first = h.event().key("order-1").content("paid").to("ada");
    let original = first.id;
    let answers = h
        .accept([
            first,
            h.event().key("order-1").content("paid").to("ada"),
            h.event().key("order-1").content("refunded").to("ada"),
        ])
        .await;
    assert!(
        matches!(
            answers.as_slice(),
            [
                Acceptance::Accepted,
                Acceptance::Duplicate(event),
                Acceptance::Conflict(by),
            ] if event.id == original && *by == original
        ),
        "{answers:?}"
    );
    assert_eq!(deliveries(&h).await, 1);
}

/// P6, P7: a key belongs to a tenant.
pub async fn tenants_do_not_share_keys(h: Harness) {
    h.accept([h.event().key("order-1").content("paid").to("ada")])
        .await;
    let theirs = h
        .event()
        .tenant("other")
        .key("order-1")
        .content("refunded")
        .to("ada");
    let id = theirs.id;
    let answers = h.accept([theirs]).await;
    assert!(
        matches!(answers.as_slice(), [Acceptance::Accepted]),
        "{answers:?}"
    );
    let stored = h.store().event(&tenant("other"), id).await.unwrap();
    assert!(stored.is_some());
}

/// P7: keys are compared as they are: case, spaces and all bytes count.
pub async fn keys_that_look_alike_are_different(h: Harness) {
    for key in ["a", "A", "a ", " a", "ä", "a\u{308}", "a%", "a_", "'"] {
        let answers = h.accept([h.event().key(key).content("x").to("ada")]).await;
        assert!(
            matches!(answers.as_slice(), [Acceptance::Accepted]),
            "key {key:?}: {answers:?}"
        );
    }
}

/// P7: without a key every publish is a new event.
pub async fn without_a_key_nothing_is_a_duplicate(h: Harness) {
    for _ in 0..3 {
        let answers = h.accept([h.event().content("same").to("ada")]).await;
        assert!(
            matches!(answers.as_slice(), [Acceptance::Accepted]),
            "{answers:?}"
        );
    }
    assert_eq!(deliveries(&h).await, 3);
}

/// P7: of two publishes at the same time with one key, one is accepted.
pub async fn one_of_two_at_the_same_time_is_a_duplicate(h: Harness) {
    let event = || NewEvent::from(h.event().key("order-1").content("paid").to("ada"));
    let store = h.store();
    let (one, two) = tokio::join!(
        store.accept(vec![event()], Vec::new()),
        store.accept(vec![event()], Vec::new()),
    );
    let mut answers = one.unwrap();
    answers.extend(two.unwrap());
    answers.sort_by_key(|answer| matches!(answer, Acceptance::Duplicate(_)));
    assert!(
        matches!(
            answers.as_slice(),
            [Acceptance::Accepted, Acceptance::Duplicate(_)]
        ),
        "{answers:?}"
    );
    assert_eq!(deliveries(&h).await, 1);
}

async fn deliveries(h: &Harness) -> usize {
    let page = PageToken::first(100);
    let all = h.store().list(&Default::default(), page).await.unwrap();
    all.items.len()
}
