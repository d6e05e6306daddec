//! What is shared, what is one recipient's alone, what is told once only, and files.

use std::time::Duration;

use signalbus_core::{
    Attachment,
    store::{
        CancelTarget, DeliveryFilter, EndState, PageToken, Reason, RecipientKey, RedriveContent,
        Selection, StoredRecipient,
    },
};

use super::{Harness, Worker, acme, cancel::cancel, channel, event::own, redrive, tenant};

/// A claim brings what all share, what is its recipient's own, and the secret.
pub async fn a_claim_brings_what_is_its_recipients_own(h: Harness) {
    let worker = h.worker().await;
    let event = h.event().content("shared").secret("code").to("ada");
    let [ada, text, bob] = h.given(event.also_on("sms").to("bob")).await;
    for (id, place, name) in [(ada, 0, "ada"), (text, 0, "ada"), (bob, 1, "bob")] {
        let claimed = worker.claims(&worker.ready(id).await).await;
        assert_eq!(claimed.recipient, place);
        assert_eq!(claimed.event.content, "shared");
        assert_eq!(claimed.own.unwrap(), own(name));
        assert_eq!(claimed.secret.unwrap(), "code");
    }
}

/// An event looked up comes with its recipients, without files and secret.
pub async fn an_event_is_shown_with_its_recipients(h: Harness) {
    let file = Attachment::new("a.pdf", "application/pdf", vec![1; 1_000]);
    let event = h.event().content("hello").secret("code").attach(file);
    let event = event.to("ada").to("bob").also_on("sms");
    let id = event.id;
    h.accept([event]).await;
    let record = h.store().event(&acme(), id).await.unwrap().unwrap();
    assert_eq!(record.event.content, "hello");
    let kept = |name: &str| StoredRecipient {
        key: RecipientKey::of(&acme(), name),
        content: Some(own(name).into()),
    };
    assert_eq!(record.recipients, [kept("ada"), kept("bob")]);
    assert_eq!(record.deliveries.len(), 3);
}

/// What ready work says of its files, and the files when they are asked for.
pub async fn files_are_asked_for_apart(h: Harness) {
    let worker = h.worker().await;
    let files = [
        Attachment::new("a.pdf", "application/pdf", vec![1; 1_000]),
        Attachment::new("b.png", "image/png", vec![2; 24]),
    ];
    let with = h.event().attach(files[0].clone()).attach(files[1].clone());
    let (with, without) = (with.to("ada"), h.event().to("bob"));
    let (id, plain) = (with.id, without.id);
    let [ada] = h.given(with).await;
    let [bob] = h.given(without).await;
    assert_eq!(worker.ready(ada).await.bytes, 1_024);
    assert_eq!(worker.ready(bob).await.bytes, 0);
    worker.postpones(ada, Duration::from_secs(60)).await;
    h.clock.advance(Duration::from_secs(60));
    assert_eq!(worker.ready(ada).await.bytes, 1_024, "for a retry, too");
    let store = h.store();
    assert_eq!(store.files(&acme(), id).await.unwrap(), files);
    assert_eq!(store.files(&acme(), plain).await.unwrap(), []);
    assert_eq!(store.files(&tenant("evil"), id).await.unwrap(), []);
    let unknown = h.unknown_event();
    assert_eq!(store.files(&acme(), unknown).await.unwrap(), []);
}

/// The secret of an event is gone with the end of its last delivery: a result.
pub async fn a_secret_ends_with_a_result(h: Harness) {
    let worker = h.worker().await;
    let event = h.event().secret("code").to("ada").to("bob");
    let [ada, bob] = h.given(event).await;
    worker.ends(ada, EndState::Dead, Reason::Refused).await;
    assert_eq!(
        again(&h, &worker, ada, 0).await,
        Some("code".into()),
        "bob is open"
    );
    worker.ends(ada, EndState::Dead, Reason::Refused).await;
    worker.sends(bob, "m-1").await;
    assert_eq!(again(&h, &worker, ada, 1).await, None);
}

/// The same, by a cancel.
pub async fn a_secret_ends_with_a_cancel(h: Harness) {
    let worker = h.worker().await;
    let event = h.event().secret("code").to("ada").to("bob").to("cid");
    let [ada, bob, cid] = h.given(event).await;
    worker.ends(ada, EndState::Dead, Reason::Refused).await;
    cancel(&h, acme(), CancelTarget::Delivery(bob)).await;
    assert_eq!(
        again(&h, &worker, ada, 0).await,
        Some("code".into()),
        "cid is open"
    );
    worker.ends(ada, EndState::Dead, Reason::Refused).await;
    cancel(&h, acme(), CancelTarget::Delivery(cid)).await;
    assert_eq!(again(&h, &worker, ada, 1).await, None);
}

/// The same, by a claim that is refused.
pub async fn a_secret_ends_with_a_refusal(h: Harness) {
    let worker = h.worker().await;
    let event = h.event().secret("code").to("ada").to("bob");
    let [ada, bob] = h.given(event).await;
    let ready = worker.ready(bob).await;
    worker.ends(ada, EndState::Dead, Reason::Refused).await;
    h.suppress("bob").await;
    worker.claim(super::claim(&ready)).await;
    assert_eq!(h.end(bob).await.0, EndState::Suppressed);
    assert_eq!(again(&h, &worker, ada, 0).await, None);
}

/// What has ended when it is accepted, all of it, has no use for a secret.
pub async fn a_secret_of_nothing_to_send_is_not_kept(h: Harness) {
    let worker = h.worker().await;
    let event = h.event().secret("code").to("ada").to("bob").without_route();
    let [ada, _] = h.given(event).await;
    let claimed = worker.claims(&worker.ready(ada).await).await;
    assert_eq!(claimed.secret.unwrap(), "code", "one is enough");
}

/// A delivery that ended is sent again: the secret its claim brings.
pub(super) async fn again(
    h: &Harness,
    worker: &Worker,
    id: signalbus_core::DeliveryId,
    generation: u32,
) -> Option<Vec<u8>> {
    let mut anew = redrive(acme(), Selection::Ids(vec![(id, generation)]));
    anew.content = RedriveContent::Fresh;
    let redriven = h.store().redrive(anew).await.unwrap();
    assert_eq!(redriven.started, [(id, generation + 1)]);
    let ready = worker.ready(id).await;
    let claimed = worker.claims(&ready).await;
    // As if it had not been tried: the caller ends it.
    let back = super::result(&ready, signalbus_core::store::Next::Retry(Duration::ZERO));
    worker.settles(back).await;
    claimed.secret.map(Into::into)
}

/// What was sent to a person is found by their key, on every channel; to an address by its hash.
pub async fn a_person_is_found(h: Harness) {
    let [ada, text, _] = h.given(h.event().to("ada").also_on("sms").to("bob")).await;
    let [more] = h.given(h.event().to("ada")).await;
    h.given::<1>(h.event().tenant("other").to("ada")).await;
    let of = |tenant, name| RecipientKey::of(&tenant, name);
    let by_key = DeliveryFilter::new().recipient(of(acme(), "ada"));
    assert_eq!(listed(&h, &by_key, 2).await, [ada, text, more]);
    assert_eq!(
        listed(&h, &by_key.clone().tenant(acme()), 2).await,
        [ada, text, more]
    );
    assert_eq!(
        listed(&h, &by_key.clone().channel(channel("sms")), 2).await,
        [text]
    );
    assert_eq!(listed(&h, &by_key.tenant(tenant("other")), 2).await, []);
    let nobody = DeliveryFilter::new().recipient(of(acme(), "dan"));
    assert_eq!(listed(&h, &nobody, 2).await, []);
    let address = signalbus_core::store::AddressHash::of(&channel("email"), "ada");
    let by_address = DeliveryFilter::new().tenant(acme()).address(address);
    assert_eq!(listed(&h, &by_address, 1).await, [ada, more]);
    let tallies = h.store().tally(&by_address).await.unwrap();
    assert_eq!(tallies.iter().map(|tally| tally.count).sum::<u64>(), 2);
}

async fn listed(
    h: &Harness,
    filter: &DeliveryFilter,
    limit: u32,
) -> Vec<signalbus_core::DeliveryId> {
    let mut found = Vec::new();
    let mut page = Some(PageToken::first(limit));
    while let Some(token) = page {
        let answer = h.store().list(filter, token).await.unwrap();
        found.extend(answer.items.iter().map(|delivery| delivery.id));
        page = answer.next;
    }
    found
}
