//! What `accept` stores.

use std::time::Duration;

use signalbus_core::{
    Attachment, Class, Timestamp,
    store::{
        Acceptance, DeliveryFilter, EndState, Entry, PageToken, Reason, Receipt, ReceiptKind,
        ReceiptTarget, Redrive, Selection, State,
    },
};

use super::{Harness, acme, channel, event::own, provider, redrive, tenant};

/// P2: all deliveries of an event are stored with it, and wait.
pub async fn an_event_comes_with_all_its_deliveries(h: Harness) {
    let draft = h.event().content("hello").to("ada").to("bob").on("sms");
    let id = draft.id;
    let [ada, bob] = h.given(draft).await;
    let record = h.store().event(&acme(), id).await.unwrap().unwrap();
    assert_eq!(record.event.content, "hello");
    assert_eq!(record.event.topic.as_str(), "user.signup");
    assert_eq!(record.event.accepted_at, h.now());
    let [first, second] = record.deliveries.as_slice() else {
        panic!("two deliveries, not {}", record.deliveries.len());
    };
    assert_eq!([first.id, second.id], [ada, bob]);
    assert_eq!([first.recipient, second.recipient], [0, 1]);
    assert_eq!(first.channel, Some(channel("email")));
    assert_eq!(second.channel, Some(channel("sms")));
    assert_eq!([first.state, second.state], [State::Waiting; 2]);
}

/// P5: positions rise within an event, over a batch and from batch to batch.
pub async fn positions_rise_in_the_order_of_acceptance(h: Harness) {
    let [one, two] = h.given(h.event().to("ada").to("bob")).await;
    let batch = [h.event().to("cid"), h.event().to("dan")];
    let ids = batch.clone().map(|draft| draft.id);
    h.accept(batch).await;
    let mut positions = vec![
        h.delivery(one).await.position,
        h.delivery(two).await.position,
    ];
    for id in ids {
        let event = h.store().event(&acme(), id).await.unwrap().unwrap();
        positions.push(event.deliveries[0].position);
    }
    assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
}

/// P2: a delivery without a route ends the moment it is accepted, and its history says so.
pub async fn a_delivery_may_end_when_it_is_accepted(h: Harness) {
    let [none, ada] = h
        .given(h.event().to("nobody").without_route().to("ada"))
        .await;
    assert_eq!(h.end(none).await, (EndState::NotNeeded, Reason::NoRoute));
    assert_eq!(h.delivery(none).await.ended_at, Some(h.now()));
    let entries = h.history(none).await;
    let ended = Entry::Ended {
        state: EndState::NotNeeded,
        reason: Reason::NoRoute,
        detail: Some("the policy has no rule".to_owned()),
    };
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].entry, ended);
    let worker = h.worker().await;
    assert!(worker.sees(ada).await);
    assert!(!worker.sees(none).await);
}

/// P1: each event of a batch gets the answer at its place.
pub async fn answers_come_in_the_order_of_events(h: Harness) {
    let first = h.event().key("a").content("1").to("ada");
    let original = first.id;
    h.accept([first]).await;
    let answers = h
        .accept([
            h.event().key("a").content("2").to("ada"),
            h.event().to("bob"),
            h.event().key("a").content("1").to("ada"),
        ])
        .await;
    assert!(
        matches!(
            answers.as_slice(),
            [
                Acceptance::Conflict(by),
                Acceptance::Accepted,
                Acceptance::Duplicate(event),
            ] if *by == original && event.id == original
        ),
        "{answers:?}"
    );
}

/// P1: a publisher that lost the answer may make the same call again.
pub async fn the_same_call_again_stores_nothing_new(h: Harness) {
    let keyed = h.event().key("a").to("ada");
    let plain = h.event().to("bob");
    h.accept([keyed.clone(), plain.clone()]).await;
    let answers = h.accept([keyed, plain]).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Acceptance::Accepted)),
        "{answers:?}"
    );
    let all = h
        .store()
        .list(&Default::default(), PageToken::first(10))
        .await
        .unwrap();
    assert_eq!(all.items.len(), 2);
}

/// P6: an event with the id of another tenant's neither reads nor stops anybody else's.
pub async fn the_event_id_of_another_tenant_is_a_conflict(h: Harness) {
    let theirs = h.event().tenant("other").content("theirs").to("ada");
    let id = theirs.id;
    h.accept([theirs]).await;
    let answers = h
        .accept([
            h.event().id(id).content("ours").to("eve"),
            h.event().to("bob"),
        ])
        .await;
    assert!(
        matches!(
            answers.as_slice(),
            [Acceptance::Conflict(of), Acceptance::Accepted] if *of == id
        ),
        "{answers:?}"
    );
    assert!(h.store().event(&acme(), id).await.unwrap().is_none());
    let kept = h.store().event(&tenant("other"), id).await.unwrap();
    assert_eq!(kept.unwrap().event.content, "theirs");
}

/// P1: what a worker needs to send comes back as it was given, files included.
pub async fn content_and_files_come_with_the_claim(h: Harness) {
    let file = Attachment::new("invoice.pdf", "application/pdf", vec![0, 159, 146, 150]);
    let logo = Attachment::new("logo.png", "image/png", vec![7; 70_000]).inline("logo");
    let draft = h
        .event()
        .topic("invoice.paid")
        .class(Class::Urgent)
        .content("{\"amount\":\"12.50 €\"}")
        .attach(file.clone())
        .attach(logo.clone())
        .to("ada")
        .to("bob");
    let id = draft.id;
    let [_, bob] = h.given(draft).await;
    let accepted_at = h.now();
    h.clock.advance(Duration::from_secs(1));
    let worker = h.worker().await;
    let claimed = worker.claims(&worker.ready(bob).await).await;
    assert_eq!(claimed.recipient, 1);
    assert_eq!(claimed.event.id, id);
    assert_eq!(claimed.event.tenant, acme());
    assert_eq!(claimed.event.topic.as_str(), "invoice.paid");
    assert_eq!(claimed.event.class, Class::Urgent);
    assert_eq!(claimed.event.accepted_at, accepted_at);
    assert_eq!(claimed.event.content, "{\"amount\":\"12.50 €\"}");
    assert_eq!(claimed.own.unwrap(), own("bob"));
    let files = h.store().files(&acme(), id).await;
    assert_eq!(files.unwrap(), [file, logo]);
}

/// A time at the end of time, from any tenant and in any place, costs at most its own delivery:
/// the rest is read and sent.
pub async fn the_last_moment_there_is_holds_up_nothing(h: Harness) {
    let end = Timestamp::MAX;
    let [never, late, ada] = h
        .given(
            h.event()
                .to("eve")
                .send_at(end)
                .to("late")
                .expires_at(end)
                .to("ada"),
        )
        .await;
    let target = ReceiptTarget::Message("m-1".to_owned());
    let kind = ReceiptKind::Delivered;
    let early = Receipt::new(acme(), provider("fake"), target, kind, "r-1").at(end);
    h.store().record_receipts(vec![early]).await.unwrap();
    let worker = h.worker().await;
    worker.sends(ada, "m-1").await;
    assert!(worker.sees(late).await && !worker.sees(never).await);
    assert_eq!(h.delivery(ada).await.receipt, Some(ReceiptKind::Delivered));

    let dead = h.dead(&worker, "dan").await;
    let again = Redrive {
        expires_at: Some(end),
        spacing: Duration::MAX,
        ..redrive(acme(), Selection::Ids(vec![(dead, 0)]))
    };
    assert_eq!(h.store().redrive(again).await.unwrap().started.len(), 1);
    assert!(worker.sees(late).await);
    let (store, all) = (h.store(), DeliveryFilter::new());
    let page = store.list(&all, PageToken::first(10)).await.unwrap();
    assert_eq!(page.items.len(), 4);
}
