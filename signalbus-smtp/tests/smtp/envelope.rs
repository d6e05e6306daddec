//! Who a mail goes to, and what it asks of the server.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use signalbus::{
    channel::email::EmailOptions,
    provider::{
        Fault::{Message, Recipient},
        Outcome::Permanent,
    },
};
use signalbus_smtp::{AnswerListener, MailAnswers, SmtpProvider};
use signalbus_testkit::{
    ManualClock,
    smtp::{Act, ServerOptions, SmtpServer, Step},
};

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

/// RFC 5321 section 4.5.3.1.10: what is left over goes in the next transaction.
#[tokio::test]
async fn more_recipients_than_a_server_takes_at_once_go_one_transaction_after_the_other() {
    for refusal in [
        "452 4.5.3 too many recipients",
        "452 too many",
        "552 too many",
    ] {
        for pipelining in [false, true] {
            let mut options = ServerOptions::new().recipients(2, refusal);
            if pipelining {
                options = options.extension("PIPELINING");
            }
            let server = SmtpServer::start(options).await;
            let noted = Noted::default();
            let provider = provider(account(&server)).with_listener(noted.clone());
            with_copies().send(&provider).await.unwrap();
            let mails = server.mails();
            assert_eq!(mails[0].to, ["ada@example.org", "bob@example.org"]);
            assert_eq!(mails[1].to, ["carol@example.org", "dave@example.org"]);
            assert_eq!(mails[0].content, mails[1].content);
            assert_eq!((mails.len(), server.visits().len()), (2, 1));
            assert_eq!(*noted.0.lock().unwrap(), [[None, None, None]], "{refusal}");
        }
    }
}

/// The mail is sent, whatever becomes of what is left over.
#[tokio::test]
async fn a_copy_that_the_next_transaction_refuses_is_told_of_and_no_failure() {
    let (server, provider) = plain().await;
    let too_many = "452 4.5.3 too many recipients";
    let no_such = "550 5.1.1 no such user";
    for line in ["250 2.1.5 ok", too_many, too_many, too_many, no_such] {
        server.once(Step::Recipient, Act::reply(line));
    }
    let noted = Noted::default();
    let provider = provider.with_listener(noted.clone());
    with_copies().send(&provider).await.unwrap();
    let told: Vec<_> = server.mails().into_iter().map(|mail| mail.to).collect();
    let expected: [&[&str]; 2] = [
        &["ada@example.org"],
        &["carol@example.org", "dave@example.org"],
    ];
    assert_eq!(told, expected);
    let refused = Some("550 5.1.1".to_owned());
    assert_eq!(*noted.0.lock().unwrap(), [[refused, None, None]]);
}

#[tokio::test]
async fn a_connection_that_breaks_with_copies_left_over_has_sent_the_mail() {
    for act in [Act::Drop, Act::reply_and_drop("421 4.3.2 bye")] {
        let too_many = "452 4.5.3 too many recipients";
        let options = ServerOptions::new().recipients(2, too_many);
        let server = SmtpServer::start(options).await;
        let noted = Noted::default();
        let provider = provider(account(&server)).with_listener(noted.clone());
        // The first dot is taken, the second breaks.
        server.once(Step::Dot, Act::reply("250 2.0.0 ok"));
        server.once(Step::Dot, act);
        with_copies().send(&provider).await.unwrap();
        let left = Some("452 4.5.3".to_owned());
        assert_eq!(*noted.0.lock().unwrap(), [[None, left.clone(), left]]);
        Parcel::new().send(&provider).await.unwrap();
        assert_eq!(server.visits().len(), 2, "it is not used again");
    }
}

/// A server that never takes another one is not asked for ever.
#[tokio::test]
async fn a_server_that_takes_no_copy_in_a_transaction_of_its_own_either_is_left_alone() {
    let (server, provider) = plain().await;
    for copy in ["bob", "carol", "dave"] {
        let address = format!("{copy}@example.org");
        server.recipient(&address, Act::reply("452 4.5.3 too many recipients"));
    }
    with_copies().send(&provider).await.unwrap();
    assert_eq!(server.mails().len(), 1);
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
    for (extensions, copied, alone) in [(&[][..], 0, 0), (&["PIPELINING"], 4, 2)] {
        let (server, provider) = offering(extensions).await;
        with_copies().send(&provider).await.unwrap();
        assert_eq!(server.visits()[0].ahead, copied);
        Parcel::new().send(&provider).await.unwrap();
        assert_eq!(server.visits()[0].ahead, copied + alone);
    }
}

/// `DATA` goes ahead of the answers where there is one recipient; content never does.
#[tokio::test]
async fn whoever_is_alone_and_refused_gets_no_content() {
    for (step, reply) in [
        (Step::Mail, "452 4.3.1 no room"),
        (Step::Recipient, "550 5.1.1 no such user"),
    ] {
        let (server, provider) = offering(&["PIPELINING"]).await;
        server.once(step, Act::reply(reply));
        let parcel = Parcel::new();
        let error = parcel.send(&provider).await.unwrap_err();
        assert_eq!(error.code(), Some(&reply[..9]));
        assert!(!parcel.latch.is_set());
        assert_eq!(server.mails(), []);
        // The transaction is called off on the same connection.
        Parcel::new().send(&provider).await.unwrap();
        assert_eq!(server.visits().len(), 1);
    }
}

/// Neither an empty mail nor the next one is given to a server that waits for content for nobody.
#[tokio::test]
async fn a_server_that_wants_content_for_nobody_is_left() {
    let (server, provider) = offering(&["PIPELINING"]).await;
    server.once(Step::Recipient, Act::reply("550 5.1.1 no such user"));
    server.once(Step::Data, Act::reply("354 go ahead"));
    let parcel = Parcel::new();
    let error = parcel.send(&provider).await.unwrap_err();
    assert_eq!(error.code(), Some("550 5.1.1"));
    assert!(!parcel.latch.is_set());
    Parcel::new().send(&provider).await.unwrap();
    assert_eq!(server.visits().len(), 2);
    let (whole, begun): (Vec<_>, Vec<_>) = server.mails().into_iter().partition(|mail| mail.whole);
    assert_eq!(whole.len(), 1);
    assert!(begun.iter().all(|mail| mail.content.is_empty()));
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

#[tokio::test]
async fn a_connection_that_owes_a_reply_is_not_used_again() {
    let options = ServerOptions::new().extension("PIPELINING");
    let server = SmtpServer::start(options).await;
    let clock = ManualClock::default();
    let provider = SmtpProvider::with_clock(account(&server), Arc::new(clock.clone())).unwrap();
    server.once(Step::Mail, Act::reply("452 4.3.1 no room"));
    server.once(Step::Recipient, Act::Stall);
    let parcel = with_copies();
    let stalled = async {
        server.reached(Step::Recipient, 1).await;
        clock.advance(Duration::from_secs(60));
    };
    let (sent, ()) = tokio::join!(parcel.send(&provider), stalled);
    assert_eq!(sent.unwrap_err().code(), Some("452 4.3.1"));
    Parcel::new().send(&provider).await.unwrap();
    assert_eq!(server.visits().len(), 2);
}
