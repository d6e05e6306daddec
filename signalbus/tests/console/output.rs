use signalbus::provider::{Console, Outcome, SendError};
use signalbus_testkit::provider_suite::{Parcel, Subject};

use crate::{
    note::Note,
    paper::{Failure, Paper},
    suites::{mail, note, text},
};

async fn refusal(subject: &Subject<Note>, parcel: &Parcel<Note>) -> SendError {
    subject.send(parcel).await.unwrap_err()
}

#[tokio::test]
async fn a_mail() {
    let paper = Paper::default();
    let subject = mail(Console::new(paper.clone()));
    let parcel = subject.parcel();
    subject.send(&parcel).await.unwrap();
    let (delivery, event) = (parcel.id, parcel.delivery().event);
    assert_eq!(
        paper.text(),
        format!(
            "=== email to ada@example.org\n\
             delivery  {delivery}, attempt 1\n\
             event     {event}\n\
             tenant    default\n\
             from      \"Acme\" <hello@acme.test>\n\
             to        \"Ada Lovelace\" <Ada@example.org>\n\
             subject   Your invoice\n\
             file      invoice.pdf (application/pdf, 4 bytes)\n\
             text\n  | Dear Ada,\n  | thank you.\n\
             html\n  | <p>Dear Ada</p>\n\n"
        )
    );
}

#[tokio::test]
async fn a_text() {
    let paper = Paper::default();
    let subject = text(Console::new(paper.clone()));
    let mut parcel = subject.parcel();
    (parcel.generation, parcel.attempt) = (2, 3);
    subject.send(&parcel).await.unwrap();
    let (delivery, event) = (parcel.id, parcel.delivery().event);
    assert_eq!(
        paper.text(),
        format!(
            "=== sms to +447700900123\n\
             delivery  {delivery}, attempt 3 of redrive 2\n\
             event     {event}\n\
             tenant    default\n\
             segments  1\n\
             text\n  | Your parcel is at the door\n\n"
        )
    );
}

#[tokio::test]
async fn nothing_in_a_message_imitates_or_commands() {
    let paper = Paper::default();
    let subject = Subject::new(Note, Console::new(paper.clone()))
        .to("Desk 7\u{1b}[31m")
        .part(
            "note.txt",
            "Lunch?\r\n=== note to Desk 8\n\u{1b}]0;owned\u{7}",
        );
    subject.send_sample().await;
    let printed = paper.text();
    assert!(
        printed.starts_with("=== note to Desk 7\\u{1b}[31m\n"),
        "{printed}"
    );
    assert!(
        !printed.contains(|c: char| c.is_control() && c != '\n'),
        "{printed:?}"
    );
    let pages = printed.lines().filter(|line| line.starts_with("==="));
    assert_eq!(pages.count(), 1, "{printed}");
}

/// More at once than the engine would ask for.
#[tokio::test]
async fn messages_do_not_mix() {
    let paper = Paper::default();
    let subject = note(Console::new(paper.clone()));
    let parcels: Vec<Parcel<Note>> = (0..40).map(|_| subject.parcel()).collect();
    let sends = parcels.iter().map(|parcel| subject.send(parcel));
    for sent in futures::future::join_all(sends).await {
        sent.unwrap();
    }
    let printed = paper.text();
    for parcel in &parcels {
        let (delivery, event) = (parcel.id, parcel.delivery().event);
        let page = format!(
            "=== note to Desk 7\ndelivery  {delivery}, attempt 1\nevent     {event}\n\
             tenant    default\nnote\n  | Lunch?\n\n"
        );
        assert_eq!(printed.matches(&page).count(), 1, "{printed}");
    }
}

#[tokio::test]
async fn a_failure_says_what_may_have_been_seen() {
    let paper = Paper::default();
    let subject = note(Console::new(paper.clone()));
    let parcel = subject.parcel();

    paper.fail(Some(Failure::Closed));
    let error = refusal(&subject, &parcel).await;
    assert_eq!(error.outcome(), Outcome::Retryable);
    assert_eq!(paper.text(), "");

    paper.fail(Some(Failure::Short));
    let error = refusal(&subject, &parcel).await;
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(paper.text(), "=== not");

    paper.fail(None);
    subject.send(&parcel).await.unwrap();
    assert!(
        paper.text().starts_with("=== not\n=== note to Desk 7\n"),
        "{}",
        paper.text()
    );
}

#[tokio::test]
async fn a_writer_that_panics_is_a_provider_that_panics() {
    let paper = Paper::default();
    let subject = note(Console::new(paper.clone()));
    paper.fail(Some(Failure::Bug));
    let parcel = subject.parcel();
    let send = std::panic::AssertUnwindSafe(subject.send(&parcel));
    let panic = futures::FutureExt::catch_unwind(send).await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"a bug of the writer"));
    subject.send_sample().await;
    assert!(paper.text().contains("  | Lunch?\n"), "{}", paper.text());
}
