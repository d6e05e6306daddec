//! Who a mail goes to, and what it asks of the server.

use std::sync::{Arc, Mutex};

use signalbus::{
    channel::email::EmailOptions,
    provider::{
        Fault::{Message, Recipient},
        Outcome::Permanent,
    },
};
use signalbus_smtp::{AnswerListener, MailAnswers, SmtpProvider};
use signalbus_testkit::smtp::{Act, ServerOptions, SmtpServer, Step};

use crate::support::{Parcel, account, plain, provider};

fn with_copies() -> Parcel {
    let options = EmailOptions::new()
        .cc("bob@example.org".parse().unwrap())
        .cc("carol@example.org".parse().unwrap())
        .bcc("dave@example.org".parse().unwrap());
    Parcel::with("ada@example.org", &options, "hello")
}

async fn offering(extensions: &[&str]) -> (SmtpServer, SmtpProvider) {
    let options = extensions
        .iter()
        .fold(ServerOptions::new(), |options, line| {
            options.extension(line)
        });
    let server = SmtpServer::start(options).await;
    let provider = provider(account(&server));
    (server, provider)
}

#[derive(Debug, Clone, Default)]
struct Noted(Arc<Mutex<Vec<Vec<Option<String>>>>>);

impl AnswerListener for Noted {
    fn taken(&self, answers: &MailAnswers<'_>) {
        assert_eq!(answers.accepted, "250 2.0.0");
        self.0.lock().unwrap().push(answers.copies.clone());
    }
}

#[tokio::test]
async fn a_refused_copy_does_not_keep_the_mail_from_the_others() {
    for extensions in [&[][..], &["PIPELINING"]] {
        let (server, provider) = offering(extensions).await;
        server.recipient("carol@example.org", Act::reply("550 5.1.1 no such user"));
        let noted = Noted::default();
        let provider = provider.with_listener(noted.clone());
        with_copies().send(&provider).await.unwrap();
        let mails = server.mails();
        assert_eq!(
            mails[0].to,
            ["ada@example.org", "bob@example.org", "dave@example.org"]
        );
        assert!(!mails[0].text().contains("dave"), "a hidden copy is seen");
        let refused = Some("550 5.1.1".to_owned());
        assert_eq!(*noted.0.lock().unwrap(), [[None, refused, None]]);
    }
}

#[tokio::test]
async fn a_refused_recipient_keeps_the_mail_from_all() {
    for extensions in [&[][..], &["PIPELINING"]] {
        let (server, provider) = offering(extensions).await;
        server.recipient("ada@example.org", Act::reply("550 5.1.1 no such user"));
        let parcel = with_copies();
        let error = parcel.send(&provider).await.unwrap_err();
        assert_eq!(error.code(), Some("550 5.1.1"));
        assert!(error.suppresses().is_some());
        assert!(!parcel.latch.is_set());
        assert_eq!(server.mails(), []);
        // The transaction is called off on the same connection.
        Parcel::to("bob@example.org").send(&provider).await.unwrap();
        assert_eq!(server.visits().len(), 1);
        assert_eq!(server.mails()[0].to, ["bob@example.org"]);
    }
}

#[tokio::test]
async fn a_refused_sender_is_told_though_later_lines_were_answered() {
    let (server, provider) = offering(&["PIPELINING"]).await;
    server.once(Step::Mail, Act::reply("452 4.3.1 no room"));
    let error = with_copies().send(&provider).await.unwrap_err();
    assert_eq!(error.code(), Some("452 4.3.1"));
    Parcel::new().send(&provider).await.unwrap();
    assert_eq!(server.visits().len(), 1);
}

#[tokio::test]
async fn a_bad_word_about_the_mail_is_no_word_about_the_recipient_when_there_are_copies() {
    let (server, provider) = plain().await;
    server.once(Step::Dot, Act::reply("550 5.1.1 one of them is unknown"));
    let error = with_copies().send(&provider).await.unwrap_err();
    assert_eq!(error.outcome(), Permanent);
    assert!(error.suppresses().is_none());
}

#[tokio::test]
async fn lines_go_ahead_of_their_answers_only_where_offered() {
    for (extensions, ahead) in [(&[][..], 0), (&["PIPELINING"], 4)] {
        let (server, provider) = offering(extensions).await;
        with_copies().send(&provider).await.unwrap();
        assert_eq!(server.visits()[0].ahead, ahead);
    }
}

#[tokio::test]
async fn a_mail_larger_than_the_server_takes_is_not_sent() {
    let (server, provider) = offering(&["SIZE 2000"]).await;
    Parcel::new().send(&provider).await.unwrap();
    let mail = &server.mails()[0];
    assert_eq!(mail.parameters, [format!("SIZE={}", mail.content.len())]);
    let large = Parcel::with("ada@example.org", &EmailOptions::new(), &"x".repeat(3000));
    let error = large.send(&provider).await.unwrap_err();
    assert_eq!((error.outcome(), error.fault()), (Permanent, Message));
    assert!(error.message().contains("2000 bytes"), "{error}");
    assert_eq!(server.mails().len(), 1);
    // No limit at all.
    let (server, provider) = offering(&["SIZE 0"]).await;
    large.send(&provider).await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn an_address_outside_ascii_needs_a_server_that_takes_it() {
    let parcel = Parcel::to("grüße@münchen.example");
    let (server, provider) = offering(&["8BITMIME"]).await;
    let error = parcel.send(&provider).await.unwrap_err();
    assert_eq!((error.outcome(), error.fault()), (Permanent, Recipient));
    assert!(
        error.message().contains("SMTPUTF8") && error.suppresses().is_none(),
        "{error}"
    );
    assert_eq!(server.mails(), []);

    let (server, provider) = offering(&["8BITMIME", "SMTPUTF8"]).await;
    parcel.send(&provider).await.unwrap();
    let mail = &server.mails()[0];
    assert_eq!(mail.to, ["grüße@xn--mnchen-3ya.example"]);
    assert_eq!(mail.parameters, ["BODY=8BITMIME", "SMTPUTF8"]);

    // A domain alone needs nothing.
    let (server, provider) = plain().await;
    Parcel::to("ada@münchen.example")
        .send(&provider)
        .await
        .unwrap();
    assert_eq!(server.mails()[0].to, ["ada@xn--mnchen-3ya.example"]);
}

#[tokio::test]
async fn bounces_go_where_the_account_says() {
    let (server, _) = plain().await;
    let config = account(&server).with_return_path("bounces@acme.test".parse().unwrap());
    let parcel = Parcel::new();
    parcel.send(&provider(config)).await.unwrap();
    let mail = &server.mails()[0];
    assert_eq!(mail.from, "bounces@acme.test");
    assert!(mail.text().contains("From: Acme <hello@acme.test>"));
}
