//! Receipts: what providers say later (P4).

use std::time::Duration;

use signalbus_core::{
    DeliveryId, Timestamp,
    store::{
        AddressHash, Bounce, Cause, ClaimAnswer, EndState, Entry, Listed, NewEvent, Next, Reason,
        Receipt, ReceiptEffect, ReceiptKind, ReceiptTarget, Refusal, Scope, Selection, State,
    },
};

use super::{Harness, Worker, acme, channel, claim, provider, redrive, result, tenant};

const HOUR: Duration = Duration::from_hours(1);

/// P4: receipts move the ladder upwards only; the rest is kept as a fact.
pub async fn the_ladder_goes_upwards_only(h: Harness) {
    let id = sent(&h, "m-1").await;
    let steps = [
        (ReceiptKind::Deferred, ReceiptEffect::Advanced),
        (ReceiptKind::Delivered, ReceiptEffect::Advanced),
        (ReceiptKind::Sent, ReceiptEffect::Recorded),
        (ReceiptKind::Opened, ReceiptEffect::Recorded),
        (ReceiptKind::Delivered, ReceiptEffect::Recorded),
        (ReceiptKind::Bounced, ReceiptEffect::Advanced),
        (
            ReceiptKind::Other("moved".to_owned()),
            ReceiptEffect::Recorded,
        ),
        (ReceiptKind::Complained, ReceiptEffect::Advanced),
    ];
    for (number, (kind, effect)) in steps.iter().enumerate() {
        let said = receipt("m-1", kind.clone(), &number.to_string());
        assert_eq!(tell(&h, said).await, *effect, "{kind:?}");
    }
    assert_eq!(h.delivery(id).await.receipt, Some(ReceiptKind::Complained));
    assert_eq!(h.end(id).await, (EndState::Accepted, Reason::Sent));
    let told: Vec<_> = told(&h, id).await;
    let expected: Vec<_> = steps
        .into_iter()
        .map(|(kind, effect)| (kind, effect == ReceiptEffect::Advanced))
        .collect();
    assert_eq!(told, expected);
}

/// P4: the same receipt twice changes nothing.
pub async fn the_same_receipt_again_is_a_duplicate(h: Harness) {
    let id = sent(&h, "m-1").await;
    let opened = || receipt("m-1", ReceiptKind::Opened, "r-1");
    assert_eq!(tell(&h, opened()).await, ReceiptEffect::Recorded);
    assert_eq!(tell(&h, opened()).await, ReceiptEffect::Duplicate);
    let batch = vec![
        receipt("m-1", ReceiptKind::Delivered, "r-2"),
        receipt("m-1", ReceiptKind::Delivered, "r-2"),
    ];
    let effects = h.store().record_receipts(batch).await.unwrap();
    assert_eq!(effects, [ReceiptEffect::Advanced, ReceiptEffect::Duplicate]);
    assert_eq!(told(&h, id).await.len(), 2);
}

/// Receipt ids are told apart by provider and tenant.
pub async fn receipt_ids_belong_to_an_account(h: Harness) {
    let id = sent(&h, "m-1").await;
    let mut target = receipt("m-1", ReceiptKind::Opened, "r-1");
    target.target = ReceiptTarget::Delivery(id);
    let mut elsewhere = target.clone();
    elsewhere.provider = provider("other");
    assert_eq!(tell(&h, target).await, ReceiptEffect::Recorded);
    assert_eq!(tell(&h, elsewhere).await, ReceiptEffect::Recorded);
}

/// A receipt may name our own id, and says when it happened.
pub async fn a_receipt_may_name_the_delivery(h: Harness) {
    let id = sent(&h, "m-1").await;
    let occurred_at: Timestamp = "2029-12-31T23:59:58Z".parse().unwrap();
    let mut said = receipt("unused", ReceiptKind::Delivered, "r-1");
    said.target = ReceiptTarget::Delivery(id);
    said.occurred_at = Some(occurred_at);
    assert_eq!(tell(&h, said).await, ReceiptEffect::Advanced);
    let entry = Entry::Receipt {
        kind: ReceiptKind::Delivered,
        occurred_at: Some(occurred_at),
        advanced: true,
        code: None,
        detail: None,
        bounce: None,
    };
    assert_eq!(h.history(id).await.last().unwrap().entry, entry);
}

/// P6: a receipt of one tenant never reaches another's delivery, nor tells that it exists.
pub async fn a_receipt_stays_with_its_tenant(h: Harness) {
    let id = sent(&h, "m-1").await;
    for target in [
        ReceiptTarget::Message("m-1".to_owned()),
        ReceiptTarget::Delivery(id),
    ] {
        let mut said = receipt("m-1", ReceiptKind::Complained, &format!("{target:?}"));
        said.tenant = Some(tenant("other"));
        said.target = target;
        assert_eq!(tell(&h, said).await, ReceiptEffect::Parked);
    }
    assert_eq!(h.delivery(id).await.receipt, None);
}

/// A message belongs to the provider that took it.
pub async fn a_receipt_stays_with_its_provider(h: Harness) {
    let id = sent(&h, "m-1").await;
    let mut said = receipt("m-1", ReceiptKind::Delivered, "r-1");
    said.provider = provider("other");
    assert_eq!(tell(&h, said).await, ReceiptEffect::Parked);
    assert_eq!(h.delivery(id).await.receipt, None);
}

/// P4: evidence that it was sent resolves an unknown outcome.
pub async fn evidence_resolves_an_unknown_outcome(h: Harness) {
    let worker = h.worker().await;
    let id = unknown(&h, &worker).await;
    let said = |kind, receipt_id| about(id, kind, receipt_id);
    tell(&h, said(ReceiptKind::Deferred, "r-1")).await;
    assert_eq!(
        h.end(id).await,
        (EndState::OutcomeUnknown, Reason::NoAnswer)
    );
    let effect = tell(&h, said(ReceiptKind::Sent, "r-2")).await;
    assert_eq!(effect, ReceiptEffect::Advanced);
    assert_eq!(h.end(id).await, (EndState::Accepted, Reason::Receipt));
}

/// P4: evidence that came while it was being sent counts as soon as the outcome is unknown.
pub async fn evidence_may_come_before_the_result(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let mut said = receipt("unused", ReceiptKind::Delivered, "r-1");
    said.target = ReceiptTarget::Delivery(ada);
    tell(&h, said).await;
    let end = Next::End(EndState::OutcomeUnknown, Reason::NoAnswer);
    worker.settles(result(&ready, end)).await;
    assert_eq!(h.end(ada).await, (EndState::Accepted, Reason::Receipt));
}

/// P3: with evidence that it was sent it is not sent again.
pub async fn evidence_stops_another_try(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    worker.postpones(ada, Duration::ZERO).await;
    let ready = worker.ready(ada).await;
    let mut said = receipt("unused", ReceiptKind::Bounced, "r-1");
    said.target = ReceiptTarget::Delivery(ada);
    tell(&h, said).await;
    let answer = worker.claim(claim(&ready)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Moved)),
        "{answer:?}"
    );
    assert_eq!(h.end(ada).await, (EndState::Accepted, Reason::Receipt));
}

/// P4: receipts do not bring back what is dead.
pub async fn receipts_do_not_wake_the_dead(h: Harness) {
    let worker = h.worker().await;
    let id = h.dead(&worker, "ada").await;
    let mut said = receipt("unused", ReceiptKind::Delivered, "r-1");
    said.target = ReceiptTarget::Delivery(id);
    assert_eq!(tell(&h, said).await, ReceiptEffect::Advanced);
    assert_eq!(h.state(id).await, State::Ended(EndState::Dead));
}

/// P4: what was said of the generation that ended does not stand for the next one, which is sent.
pub async fn a_new_generation_begins_without_receipts(h: Harness) {
    let worker = h.worker().await;
    let id = h.dead(&worker, "ada").await;
    let mut said = receipt("unused", ReceiptKind::Delivered, "r-1");
    said.target = ReceiptTarget::Delivery(id);
    tell(&h, said).await;
    let asked = redrive(acme(), Selection::Ids(vec![(id, 0)]));
    h.store().redrive(asked).await.unwrap();
    assert_eq!(h.delivery(id).await.receipt, None);
    worker.sends(id, "m-1").await;
    assert_eq!(h.end(id).await, (EndState::Accepted, Reason::Sent));
}

/// A receipt that comes before the result is parked, and applied with it.
pub async fn an_early_receipt_is_applied_with_the_result(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let delivered = || receipt("m-1", ReceiptKind::Delivered, "r-1");
    assert_eq!(tell(&h, delivered()).await, ReceiptEffect::Parked);
    assert_eq!(tell(&h, delivered()).await, ReceiptEffect::Duplicate);
    let opened = receipt("m-1", ReceiptKind::Opened, "r-2");
    assert_eq!(tell(&h, opened).await, ReceiptEffect::Parked);
    let worker = h.worker().await;
    worker.sends(ada, "m-1").await;
    assert_eq!(h.delivery(ada).await.receipt, Some(ReceiptKind::Delivered));
    assert_eq!(told(&h, ada).await.len(), 2);
    assert_eq!(tell(&h, delivered()).await, ReceiptEffect::Duplicate);
}

/// An early receipt waits for 72 hours.
pub async fn an_early_receipt_is_forgotten_in_the_end(h: Harness) {
    let [ada, bob] = h.given(h.event().to("ada").to("bob")).await;
    for message in ["m-1", "m-2"] {
        let said = receipt(message, ReceiptKind::Delivered, message);
        assert_eq!(tell(&h, said).await, ReceiptEffect::Parked);
    }
    h.clock.advance(71 * HOUR);
    let worker = h.worker().await;
    worker.sends(ada, "m-1").await;
    assert_eq!(h.delivery(ada).await.receipt, Some(ReceiptKind::Delivered));
    h.clock.advance(2 * HOUR);
    let worker = h.worker().await;
    worker.sends(bob, "m-2").await;
    assert_eq!(h.delivery(bob).await.receipt, None);
}

/// A receipt may name a delivery that is not known yet, and is applied with its result too, in
/// the order in which receipts came.
pub async fn an_early_receipt_may_name_the_delivery(h: Harness) {
    let event = h.event().to("ada");
    let store = h.store();
    let id = NewEvent::from(event.clone()).deliveries[0].id;
    let by_message = receipt("m-1", ReceiptKind::Sent, "r-1");
    let by_delivery = about(id, ReceiptKind::Delivered, "r-2");
    let early = vec![by_message, by_delivery];
    let effects = store.record_receipts(early).await.unwrap();
    assert_eq!(effects, [ReceiptEffect::Parked, ReceiptEffect::Parked]);
    h.accept([event]).await;
    h.worker().await.sends(id, "m-1").await;
    let ladder = [(ReceiptKind::Sent, true), (ReceiptKind::Delivered, true)];
    assert_eq!(told(&h, id).await, ladder);
}

/// The history has the end beside the receipt that brought it, before what was said later.
pub async fn the_end_stands_beside_its_evidence(h: Harness) {
    let worker = h.worker().await;
    let id = unknown(&h, &worker).await;
    let said = |kind, receipt_id| about(id, kind, receipt_id);
    let batch = vec![
        said(ReceiptKind::Delivered, "r-1"),
        said(ReceiptKind::Opened, "r-2"),
    ];
    h.store().record_receipts(batch).await.unwrap();
    let lines = h.history(id).await;
    let kinds: Vec<&str> = lines
        .iter()
        .map(|line| match &line.entry {
            Entry::Attempt(_) => "attempt",
            Entry::Receipt { kind, .. } => kind.as_str(),
            Entry::Ended { state, .. } => state.as_str(),
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["attempt", "delivered", "accepted", "opened"]);
}

/// P6: a parked receipt waits for its own tenant and provider.
pub async fn a_parked_receipt_waits_for_its_own_account(h: Harness) {
    let mut theirs = receipt("m-1", ReceiptKind::Complained, "r-1");
    theirs.tenant = Some(tenant("other"));
    let mut elsewhere = receipt("m-1", ReceiptKind::Complained, "r-1");
    elsewhere.provider = provider("other");
    for said in [theirs, elsewhere] {
        assert_eq!(tell(&h, said).await, ReceiptEffect::Parked);
    }
    let id = sent(&h, "m-1").await;
    assert_eq!(h.delivery(id).await.receipt, None);
}

/// A complaint or a hard bounce suppresses: the webhook does not know the address, the store does.
pub async fn a_receipt_may_suppress_the_address(h: Harness) {
    sent(&h, "m-1").await;
    let complaint = receipt("m-1", ReceiptKind::Complained, "r-1");
    let complaint = complaint.suppressing(Cause::Complained, Scope::default());
    assert_eq!(tell(&h, complaint).await, ReceiptEffect::Advanced);
    // Below the rung that was reached, and suppresses all the same.
    let stop = receipt("m-1", ReceiptKind::Opened, "r-2");
    let stop = stop.suppressing(Cause::Unsubscribed, Scope::sender("62626"));
    assert_eq!(tell(&h, stop).await, ReceiptEffect::Recorded);
    let [next] = h.given(h.event().to("ada")).await;
    let worker = h.successor().await;
    let answer = worker.claim(claim(&worker.ready(next).await)).await;
    assert!(
        matches!(answer, ClaimAnswer::Refused(Refusal::Suppressed)),
        "{answer:?}"
    );
    let address = AddressHash::of(&channel("email"), "ada");
    let mut listed = Listed::new(acme(), channel("email"), address);
    listed.sender = Some("62626".to_owned());
    let gravest = h.store().suppressed(vec![listed]).await.unwrap().remove(0);
    assert_eq!(gravest.unwrap().cause, Cause::Complained);
}

/// So does one that came before the result, when the result comes.
pub async fn an_early_receipt_may_suppress_the_address(h: Harness) {
    let bounced = receipt("m-1", ReceiptKind::Bounced, "r-1");
    let bounced = bounced.suppressing(Cause::Bounced, Scope::default());
    assert_eq!(tell(&h, bounced).await, ReceiptEffect::Parked);
    let address = AddressHash::of(&channel("email"), "ada");
    let asked = || vec![Listed::new(acme(), channel("email"), address)];
    assert_eq!(h.store().suppressed(asked()).await.unwrap(), [None]);
    sent(&h, "m-1").await;
    let listed = h.store().suppressed(asked()).await.unwrap().remove(0);
    assert_eq!(listed.unwrap().cause, Cause::Bounced);
}

/// An account that serves all tenants finds the message of any, by our id or by its own.
pub async fn an_account_may_serve_all_tenants(h: Harness) {
    let first = h.event().tenant("other").to("ada");
    let id = NewEvent::from(first.clone()).deliveries[0].id;
    let early = about(id, ReceiptKind::Sent, "r-1").for_any_tenant();
    assert_eq!(tell(&h, early).await, ReceiptEffect::Parked);
    h.accept([first]).await;
    let worker = h.worker().await;
    worker.sends(id, "m-1").await;
    let by_name = receipt("m-1", ReceiptKind::Delivered, "r-2").for_any_tenant();
    assert_eq!(tell(&h, by_name.clone()).await, ReceiptEffect::Advanced);
    assert_eq!(tell(&h, by_name).await, ReceiptEffect::Duplicate);
    let by_id = about(id, ReceiptKind::Complained, "r-3").for_any_tenant();
    assert_eq!(tell(&h, by_id).await, ReceiptEffect::Advanced);
    let found = h.store().delivery(&tenant("other"), id).await.unwrap();
    assert_eq!(found.unwrap().receipt, Some(ReceiptKind::Complained));
}

/// The rung is a number of the channel's own.
pub async fn a_channel_may_have_a_ladder_of_its_own(h: Harness) {
    let id = sent(&h, "m-1").await;
    let read = ReceiptKind::Other("read".to_owned());
    let mut high = receipt("m-1", read.clone(), "r-1");
    high.rank = 9;
    assert_eq!(tell(&h, high).await, ReceiptEffect::Advanced);
    let late = receipt("m-1", ReceiptKind::Complained, "r-2");
    assert_eq!(tell(&h, late).await, ReceiptEffect::Recorded);
    assert_eq!(h.delivery(id).await.receipt, Some(read));
}

/// Code, detail, and whether a bounce is for good stand in the history, also of an early receipt.
pub async fn what_the_provider_said_is_kept(h: Harness) {
    let mut bounced = receipt("m-1", ReceiptKind::Bounced, "r-1");
    bounced.code = Some("5.1.1".to_owned());
    bounced.detail = Some("no such mailbox".to_owned());
    bounced.bounce = Some(Bounce::Hard);
    assert_eq!(tell(&h, bounced).await, ReceiptEffect::Parked);
    let id = sent(&h, "m-1").await;
    let last = h.history(id).await.pop().unwrap();
    let Entry::Receipt {
        code,
        detail,
        bounce,
        ..
    } = last.entry
    else {
        panic!("{last:?}");
    };
    assert_eq!(code.as_deref(), Some("5.1.1"));
    assert_eq!(detail.as_deref(), Some("no such mailbox"));
    assert_eq!(bounce, Some(Bounce::Hard));
}

fn receipt(message: &str, kind: ReceiptKind, id: &str) -> Receipt {
    let target = ReceiptTarget::Message(message.to_owned());
    Receipt::new(acme(), provider("fake"), target, kind, id)
}

/// The same about a delivery by its id.
fn about(id: DeliveryId, kind: ReceiptKind, receipt_id: &str) -> Receipt {
    let mut about = receipt("", kind, receipt_id);
    about.target = ReceiptTarget::Delivery(id);
    about
}

async fn tell(h: &Harness, receipt: Receipt) -> ReceiptEffect {
    let effects = h.store().record_receipts(vec![receipt]).await.unwrap();
    let [effect] = effects.as_slice() else {
        panic!("one effect, not {}", effects.len());
    };
    *effect
}

/// The receipts in a history: what was said and whether it moved the ladder.
async fn told(h: &Harness, id: DeliveryId) -> Vec<(ReceiptKind, bool)> {
    let lines = h.history(id).await.into_iter();
    lines
        .filter_map(|line| match line.entry {
            Entry::Receipt { kind, advanced, .. } => Some((kind, advanced)),
            _ => None,
        })
        .collect()
}

async fn sent(h: &Harness, message: &str) -> DeliveryId {
    let [id] = h.given(h.event().to("ada")).await;
    h.worker().await.sends(id, message).await;
    id
}

async fn unknown(h: &Harness, worker: &Worker) -> DeliveryId {
    let (state, reason) = (EndState::OutcomeUnknown, Reason::NoAnswer);
    h.ended(worker, "ada", state, reason).await
}
