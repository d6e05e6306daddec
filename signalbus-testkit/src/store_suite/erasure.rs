//! Forgetting one person.

use std::time::Duration;

use signalbus_core::{
    Attachment,
    store::{
        AddressHash, AttemptOutcome, EndState, Entry, Erase, Erased, Next, Reason, Receipt,
        ReceiptEffect, ReceiptKind, ReceiptTarget, RecipientKey, SettleAnswer, State,
    },
};

use super::{Harness, acme, channel, event::own, provider, result, taken, tenant};

/// Everything of a person is forgotten, and counted; what is another's stays.
pub async fn a_person_is_forgotten_over_all_tables(h: Harness) {
    let worker = h.worker().await;
    let file = Attachment::new("a.pdf", "application/pdf", vec![1; 10]);
    let alone = h.event().content("alone").secret("code").attach(file);
    let alone = alone.to("ada").also_on("sms");
    let both = h.event().content("both").to("ada").to("bob");
    let ids = (alone.id, both.id);
    let [mail, text] = h.given(alone).await;
    let [sent, bob] = h.given(both).await;
    worker.sends(sent, "ada@example.org").await;
    let ready = worker.ready(mail).await;
    worker.claims(&ready).await;
    let mut settle = result(&ready, Next::Retry(Duration::from_secs(60)));
    settle.rendering = Some("dear ada".into());
    settle.record.detail = Some("ada is on holiday".to_owned());
    worker.settles(settle).await;

    let erased = h.store().erase(&erase("ada")).await.unwrap();
    let expected = Erased {
        recipients: 2,
        events: 1,
        cancelled: 2,
        renderings: 1,
        secrets: 1,
        message_ids: 1,
        receipts: 0,
        files: 1,
        more: false,
    };
    assert_eq!(erased, expected);
    assert_eq!(
        h.store().erase(&erase("ada")).await.unwrap(),
        Erased::default()
    );

    for id in [mail, text] {
        assert_eq!(h.end(id).await, (EndState::Cancelled, Reason::Erased));
    }
    assert_eq!(h.end(sent).await, (EndState::Accepted, Reason::Sent));
    assert_eq!(h.delivery(sent).await.provider_message_id, None);
    assert_eq!(h.state(bob).await, State::Waiting);
    for id in [mail, text, sent] {
        let history = h.history(id).await;
        let last = history.last().unwrap();
        let (actor, in_flight) = ("ops".to_owned(), false);
        assert_eq!(last.entry, Entry::Erased { actor, in_flight });
        let told = format!("{history:?}");
        assert!(!told.contains("ada"), "{told}");
    }
    let store = h.store();
    assert_eq!(store.files(&acme(), ids.0).await.unwrap(), []);
    let alone = store.event(&acme(), ids.0).await.unwrap().unwrap();
    assert_eq!(alone.event.content, "");
    assert_eq!(alone.recipients[0].content, None);
    assert_eq!(alone.recipients[0].key, RecipientKey::of(&acme(), "ada"));
    let both = store.event(&acme(), ids.1).await.unwrap().unwrap();
    assert_eq!(both.event.content, "both");
    assert_eq!(both.recipients[0].content, None);
    assert_eq!(
        both.recipients[1].content.as_deref(),
        Some(own("bob").as_bytes())
    );
    let ready = worker.ready(bob).await;
    assert_eq!(worker.claims(&ready).await.own.unwrap(), own("bob"));
    worker.settles(taken(&ready, "m-2")).await;
}

/// A send in flight ends at once, and its result comes too late to be kept.
pub async fn a_result_of_an_erased_person_comes_too_late(h: Harness) {
    let worker = h.worker().await;
    let [ada] = h.given(h.event().to("ada")).await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let erased = h.store().erase(&erase("ada")).await.unwrap();
    assert_eq!((erased.recipients, erased.cancelled), (1, 1));
    let mut settle = result(&ready, Next::Retry(Duration::ZERO));
    settle.rendering = Some("dear ada".into());
    settle.record.outcome = AttemptOutcome::Accepted {
        id: Some("ada".to_owned()),
    };
    assert_eq!(worker.settle(settle).await, SettleAnswer::Already);
    assert_eq!(h.end(ada).await, (EndState::Cancelled, Reason::Erased));
    let history = h.history(ada).await;
    assert!(
        matches!(history.as_slice(), [line] if matches!(line.entry, Entry::Erased { in_flight: true, .. })),
        "{history:?}"
    );
    assert!(!worker.sees(ada).await);
    let successor = h.successor().await;
    assert!(successor.fetch().await.interrupted.is_empty());
}

/// Without an id a person is found by the address of a delivery; others of the event stay.
pub async fn a_person_is_found_by_address(h: Harness) {
    let [ada, text, bob] = h.given(h.event().to("ada").also_on("sms").to("bob")).await;
    let [other] = h.given(h.event().tenant("other").to("ada")).await;
    let mut by_address = erase("ada");
    by_address.keys = Vec::new();
    by_address.addresses = vec![AddressHash::of(&channel("sms"), "ada")];
    let erased = h.store().erase(&by_address).await.unwrap();
    assert_eq!(
        (erased.recipients, erased.cancelled, erased.events),
        (1, 2, 0)
    );
    for id in [ada, text] {
        assert_eq!(h.end(id).await, (EndState::Cancelled, Reason::Erased));
    }
    assert_eq!(h.state(bob).await, State::Waiting);
    let of_other = h.store().delivery(&tenant("other"), other).await.unwrap();
    assert_eq!(of_other.unwrap().state, State::Waiting, "tenants are apart");
}

/// No more than asked for is erased in one transaction, and whoever asks hears that there is more.
pub async fn an_erasure_keeps_to_its_limit(h: Harness) {
    for _ in 0..3 {
        h.given::<1>(h.event().to("ada")).await;
    }
    let few = Erase {
        limit: 2,
        ..erase("ada")
    };
    let mut told = Vec::new();
    for _ in 0..3 {
        let erased = h.store().erase(&few).await.unwrap();
        told.push((erased.recipients, erased.more));
    }
    assert_eq!(told, [(2, true), (1, false), (0, false)]);
}

/// An erased head lets those behind it go, and a receipt by our own id still finds its delivery.
pub async fn the_rest_goes_on_after_an_erasure(h: Harness) {
    let worker = h.worker().await;
    let strict = signalbus_core::Order::Strict;
    let event = || h.event().to("ada").order(strict);
    let [first] = h.given(event()).await;
    h.store().erase(&erase("ada")).await.unwrap();
    let [second] = h.given(event()).await;
    assert!(worker.sees(second).await, "published afterwards");
    let receipt = Receipt::new(
        acme(),
        provider("fake"),
        ReceiptTarget::Delivery(first),
        ReceiptKind::Delivered,
        "r-1",
    );
    let effects = h.store().record_receipts(vec![receipt]).await.unwrap();
    assert_eq!(effects, [ReceiptEffect::Advanced]);
    assert_eq!(h.end(first).await, (EndState::Cancelled, Reason::Erased));
}

/// The suppression list stays: without it they would be written to again.
pub async fn the_suppression_list_outlives_an_erasure(h: Harness) {
    let worker = h.worker().await;
    h.suppress("ada").await;
    let [before] = h.given(h.event().to("ada")).await;
    let ready = worker.ready(before).await;
    h.store().erase(&erase("ada")).await.unwrap();
    worker.claim(super::claim(&ready)).await;
    assert_eq!(h.end(before).await, (EndState::Cancelled, Reason::Erased));
    let [after] = h.given(h.event().to("ada")).await;
    worker.claim(super::claim(&worker.ready(after).await)).await;
    assert_eq!(
        h.end(after).await,
        (EndState::Suppressed, Reason::Suppressed)
    );
}

fn erase(name: &str) -> Erase {
    Erase {
        tenant: acme(),
        keys: vec![RecipientKey::of(&acme(), name)],
        addresses: vec![AddressHash::of(&channel("email"), name)],
        actor: "ops".to_owned(),
        limit: 100,
    }
}
