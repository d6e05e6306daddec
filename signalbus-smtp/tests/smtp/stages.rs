use crate::support::{Parcel, plain};

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let (server, provider) = plain().await;
    let parcel = Parcel::new();
    let sent = parcel.send(&provider).await.unwrap();
    assert_eq!(sent.id(), Some(parcel.message.message_id.as_str()));
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].from, "hello@acme.test");
    assert_eq!(mails[0].to, ["ada@example.org"]);
    assert_eq!(
        mails[0].content,
        signalbus_smtp::to_eml(&parcel.message).unwrap()
    );
    assert!(parcel.latch.is_set());
}
