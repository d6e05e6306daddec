//! Text that Postgres cannot keep as it is.

use signalbus::{
    event::{Attachment, Class},
    store::{
        AttemptOutcome, Cancel, CancelTarget, EndState, Entry, Flush, Next, Reason, Receipt,
        ReceiptEffect, ReceiptKind, ReceiptTarget, Store, Suppression,
    },
};

use crate::support::{email, event, fetch, hold, ids, keyed, settle, store, tenant};

#[tokio::test]
async fn a_nul_anywhere_is_taken_out_and_nothing_is_lost() {
    let (store, ids) = (store().await, ids());
    let mut sent = keyed(event(&ids, "acme", Class::Standard), "or\0der");
    sent.content = b"bytes stay as th\0ey are".to_vec().into();
    sent.attachments = vec![Attachment::new("a\0.pdf", "application/pdf", vec![0, 1])];
    let id = sent.deliveries[0].id;
    let mut born = event(&ids, "acme", Class::Standard);
    born.deliveries[0].ended = Some((EndState::Dead, Reason::Other("wh\0y".to_owned())));
    born.deliveries[0].detail = Some("be\0cause".to_owned());
    let dead = born.deliveries[0].id;
    store.accept(vec![sent, born], Vec::new()).await.unwrap();
    let lanes = hold(&store, &ids).await;
    let ready = fetch(&store, &lanes).await.ready;
    let claims = vec![crate::support::claim(&ready[0])];
    let flush = Flush {
        claims,
        settles: Vec::new(),
    };
    store.flush(&lanes, &flush).await.unwrap();
    let mut result = settle(&ready[0], Next::End(EndState::Accepted, Reason::Sent));
    result.record.outcome = AttemptOutcome::Accepted {
        id: Some("mess\0age".to_owned()),
    };
    result.record.detail = Some("\0".to_owned());
    let flush = Flush {
        claims: Vec::new(),
        settles: vec![result],
    };
    store.flush(&lanes, &flush).await.unwrap();
    let receipt = Receipt {
        tenant: tenant("acme"),
        provider: "test".parse().unwrap(),
        target: ReceiptTarget::Message("mess\0age".to_owned()),
        kind: ReceiptKind::Delivered,
        id: "rec\0eipt".to_owned(),
        occurred_at: None,
    };
    let effects = store.record_receipts(vec![receipt.clone(), receipt]).await;
    assert_eq!(
        effects.unwrap(),
        [ReceiptEffect::Advanced, ReceiptEffect::Duplicate]
    );
    let delivery = store.delivery(&tenant("acme"), id).await.unwrap().unwrap();
    assert_eq!(delivery.provider_message_id.as_deref(), Some("message"));
    let history = store.history(&tenant("acme"), id).await.unwrap();
    assert_eq!(history.len(), 2);
    let history = store.history(&tenant("acme"), dead).await.unwrap();
    let Entry::Ended { detail, .. } = &history[0].entry else {
        panic!("{history:?}");
    };
    assert_eq!(detail.as_deref(), Some("be\0cause"), "JSON can keep it");
    let cancel = Cancel {
        target: CancelTarget::Delivery(id),
        actor: "o\0ps".to_owned(),
    };
    store.cancel(&tenant("acme"), cancel).await.unwrap();
    let suppression = Suppression {
        tenant: tenant("acme"),
        channel: email(),
        address: signalbus::store::AddressHash([7; 16]),
        reason: "man\0ual".to_owned(),
    };
    store.suppress(vec![suppression]).await.unwrap();
}
