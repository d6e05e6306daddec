//! A delivery that waits for another one of its event: "whichever works first", "a text, unless the
//! mail was delivered".

use std::time::Duration;

use signalbus_core::{
    DeliveryId,
    store::{
        After, Cancel, CancelTarget, EndState, Entry, Next, Reason, Receipt, ReceiptKind,
        ReceiptTarget, Refusal, Selection, State,
    },
};

use super::{Harness, Worker, acme, provider, redrive, result};

const MINUTE: Duration = Duration::from_secs(60);
const NOT_NEEDED: (EndState, Reason) = (EndState::NotNeeded, Reason::Reached);

/// A mail, and a text if the mail fails.
async fn first_that_works(h: &Harness) -> [DeliveryId; 2] {
    let event = h.event().to("ada");
    let event = event.to("ada").on("sms").behind(After::failed);
    h.given(event).await
}

/// A mail, and a text unless the mail was delivered within a minute.
async fn unless_delivered(h: &Harness) -> [DeliveryId; 2] {
    let until = h.after(MINUTE);
    let event = h.event().to("ada").to("ada").on("sms");
    h.given(event.behind(|mail| After::undelivered(mail, until)))
        .await
}

fn said(of: DeliveryId, kind: ReceiptKind) -> Receipt {
    let (target, id) = (
        ReceiptTarget::Delivery(of),
        format!("{of} {}", kind.as_str()),
    );
    Receipt::new(acme(), provider("fake"), target, kind, id)
}

async fn says(h: &Harness, of: DeliveryId, kind: ReceiptKind) {
    let receipts = vec![said(of, kind)];
    h.store().record_receipts(receipts).await.unwrap();
}

async fn dies(worker: &Worker, id: DeliveryId) {
    let ready = worker.ready(id).await;
    worker.claims(&ready).await;
    let end = Next::End(EndState::Dead, Reason::Refused);
    worker.settles(result(&ready, end)).await;
}

/// Nothing happens to it while its sibling is on its way.
pub async fn it_waits_while_the_sibling_is_on_its_way(h: Harness) {
    let [mail, text] = first_that_works(&h).await;
    let worker = h.worker().await;
    assert!(!worker.sees(text).await);
    let record = h.delivery(text).await;
    assert_eq!((record.after, record.due), (Some(mail), None));
    worker.postpones(mail, MINUTE).await;
    h.clock.advance(Duration::from_hours(100));
    assert!(!worker.sees(text).await, "the mail is tried again");
}

/// As soon as its sibling has failed it may be sent.
pub async fn it_is_sent_when_the_sibling_fails(h: Harness) {
    let [mail, text] = first_that_works(&h).await;
    let worker = h.worker().await;
    dies(&worker, mail).await;
    worker.sends(text, "m-1").await;
    assert_eq!(h.end(text).await, (EndState::Accepted, Reason::Sent));
}

/// P2: it ends when its sibling has worked, and its history says why.
pub async fn it_is_not_needed_when_the_sibling_works(h: Harness) {
    let [mail, text] = first_that_works(&h).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    assert_eq!(h.end(text).await, NOT_NEEDED);
    let entry = Entry::Ended {
        state: EndState::NotNeeded,
        reason: Reason::Reached,
        detail: None,
    };
    assert_eq!(h.history(text).await.last().unwrap().entry, entry);
    assert!(!worker.sees(text).await);
}

/// A receipt that comes in time calls it off in its own transaction.
pub async fn a_receipt_in_time_calls_it_off(h: Harness) {
    let [mail, text] = unless_delivered(&h).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    assert_eq!(h.state(text).await, State::Waiting, "sent is not delivered");
    says(&h, mail, ReceiptKind::Delivered).await;
    assert_eq!(h.end(text).await, NOT_NEEDED);
}

/// What a batch says of one that waits comes before the end that the same batch brings it.
pub async fn all_that_a_batch_says_comes_before_what_follows(h: Harness) {
    let [mail, text] = unless_delivered(&h).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    let batch = vec![
        said(mail, ReceiptKind::Delivered),
        said(text, ReceiptKind::Opened),
    ];
    h.store().record_receipts(batch).await.unwrap();
    assert_eq!(h.end(text).await, NOT_NEEDED);
    let history = h.history(text).await;
    let [.., heard, end] = history.as_slice() else {
        panic!("both are in the history: {history:?}");
    };
    assert!(matches!(heard.entry, Entry::Receipt { .. }), "{history:?}");
    assert!(matches!(end.entry, Entry::Ended { .. }), "{history:?}");
}

/// Nothing is decided by what the same batch takes back.
pub async fn a_batch_is_weighed_as_a_whole(h: Harness) {
    let [mail, text] = unless_delivered(&h).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    let batch = vec![
        said(mail, ReceiptKind::Delivered),
        said(mail, ReceiptKind::Bounced),
    ];
    h.store().record_receipts(batch).await.unwrap();
    worker.sends(text, "m-2").await;
}

/// At its time it is sent, if nothing was heard.
pub async fn it_is_sent_when_its_time_has_come(h: Harness) {
    let [mail, text] = unless_delivered(&h).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    assert!(!worker.sees(text).await);
    h.clock.advance(MINUTE);
    worker.sends(text, "m-2").await;
    // After the claim both are recorded.
    says(&h, mail, ReceiptKind::Delivered).await;
    assert_eq!(h.end(text).await, (EndState::Accepted, Reason::Sent));
}

/// A bounce does not wait for the time.
pub async fn a_bounce_sends_it_at_once(h: Harness) {
    let [mail, text] = unless_delivered(&h).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    says(&h, mail, ReceiptKind::Bounced).await;
    worker.sends(text, "m-2").await;
}

/// A claim meets what was heard of the sibling while the delivery was in hand.
pub async fn a_claim_meets_what_was_heard(h: Harness) {
    let [mail, text] = unless_delivered(&h).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    h.clock.advance(MINUTE);
    let ready = worker.ready(text).await;
    says(&h, mail, ReceiptKind::Delivered).await;
    let answer = worker.claim(super::claim(&ready)).await;
    let refused =
        |why| matches!(answer, signalbus_core::store::ClaimAnswer::Refused(is) if is == why);
    // It ended with the receipt, or ends with the claim: never is it sent.
    assert!(
        refused(Refusal::Moved) || refused(Refusal::NotNeeded),
        "{answer:?}"
    );
    assert_eq!(h.end(text).await, NOT_NEEDED);
}

/// Three in a row: what reaches the recipient ends all that come after.
pub async fn what_was_reached_is_passed_on(h: Harness) {
    let event = h.event().to("ada");
    let event = event.to("ada").on("sms").behind(After::failed);
    let event = event.to("ada").on("push").behind(After::failed);
    let [mail, text, push] = h.given(event).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    assert_eq!(h.end(text).await, NOT_NEEDED);
    assert_eq!(h.end(push).await, NOT_NEEDED);
}

/// However the sibling ends without being sent, it is let go.
pub async fn every_other_end_of_the_sibling_lets_it_go(h: Harness) {
    let worker = h.worker().await;
    let [mail, text] = first_that_works(&h).await;
    let cancel = Cancel {
        target: CancelTarget::Delivery(mail),
        actor: "ops".to_owned(),
    };
    h.store().cancel(&acme(), cancel).await.unwrap();
    assert!(worker.sees(text).await, "called off");

    let [mail, text] = first_that_works(&h).await;
    h.suppress("ada").await;
    assert_eq!(worker.is_refused(mail).await, Refusal::Suppressed);
    assert!(worker.sees(text).await, "suppressed");

    let event = h.event().to("bob").born_dead();
    let event = event.to("bob").on("sms").behind(After::failed);
    let [_, text] = h.given(event).await;
    assert!(worker.sees(text).await, "dead from the start");
}

/// P8: a retry of its own is not brought forward by what is heard of the sibling.
pub async fn its_own_retry_keeps_its_time(h: Harness) {
    let [mail, text] = unless_delivered(&h).await;
    let worker = h.worker().await;
    worker.sends(mail, "m-1").await;
    h.clock.advance(MINUTE);
    worker.postpones(text, MINUTE).await;
    says(&h, mail, ReceiptKind::Bounced).await;
    assert!(!worker.sees(text).await);
    h.clock.advance(MINUTE);
    assert!(worker.sees(text).await);
}

/// P2: it expires as any other, also when it waits for no time.
pub async fn it_expires_while_it_waits(h: Harness) {
    let event = h.event().to("ada").to("ada").on("sms");
    let event = event.behind(After::failed).expires_at(h.after(MINUTE));
    let [_mail, text] = h.given(event).await;
    let worker = h.worker().await;
    h.clock.advance(MINUTE);
    assert_eq!(worker.is_refused(text).await, Refusal::Expired);
    assert_eq!(h.end(text).await, (EndState::Expired, Reason::Expired));
}

/// Who redrives it means it.
pub async fn a_new_generation_waits_for_nobody(h: Harness) {
    let [mail, text] = first_that_works(&h).await;
    let worker = h.worker().await;
    dies(&worker, mail).await;
    dies(&worker, text).await;
    let asked = redrive(acme(), Selection::Ids(vec![(mail, 0), (text, 0)]));
    h.store().redrive(asked).await.unwrap();
    worker.sends(mail, "m-1").await;
    worker.sends(text, "m-2").await;
}

/// The secret of an event is gone with its last delivery, also when that is not needed any more.
pub async fn a_secret_goes_with_what_is_not_needed(h: Harness) {
    let event = h.event().secret("code").to("ada");
    let event = event.to("bob").to("bob").on("sms").behind(After::failed);
    let [ada, mail, text] = h.given(event).await;
    let worker = h.worker().await;
    worker.ends(ada, EndState::Dead, Reason::Refused).await;
    worker.sends(mail, "m-1").await;
    assert_eq!(h.end(text).await, NOT_NEEDED);
    assert_eq!(super::recipients::again(&h, &worker, ada, 0).await, None);
}
