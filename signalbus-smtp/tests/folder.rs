//! The folder: what it holds after a send, and what is said when it cannot take a mail.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failed step fails the test"
)]

use std::{error::Error, fs, path::Path};

use futures::FutureExt;
use mail_parser::MessageParser;
use signalbus::{
    Channel, DeliveryId, EventId, Recipient,
    channel::{
        Compose, Email, Parts,
        email::{EmailAddress, EmailMessage, EmailOptions},
    },
    name::{TenantId, Topic},
    provider::{Delivery, Fault, Latch, Outcome, Provider, SendError, Sent},
};
use signalbus_smtp::{FolderConfig, FolderError, MailFolder, to_eml};

const FIRST: &str = "01998c5e-0000-7000-8000-000000000001";
const SECOND: &str = "01998c5e-0000-7000-8000-000000000002";

fn message(delivery: &str, subject: &str) -> EmailMessage {
    let parts: Parts = [
        ("subject.txt", subject.to_owned()),
        ("body.txt", "Hi\n".to_owned()),
    ]
    .into_iter()
    .collect();
    let to: EmailAddress = "ada@example.org".parse().unwrap();
    Email::from("hello@acme.test")
        .unwrap()
        .compose(Compose {
            delivery: delivery.parse().unwrap(),
            tenant: &TenantId::default(),
            accepted_at: "2026-11-23T10:00:00Z".parse().unwrap(),
            to: &to,
            recipient: &Recipient::new().name("Ada"),
            locale: "en",
            topic: &Topic::new("user.signup").unwrap(),
            category: None,
            data: &serde_json::Value::Null,
            parts: &parts,
            options: &EmailOptions::new(),
            attachments: &[],
        })
        .unwrap()
}

async fn send(
    folder: &MailFolder,
    message: &EmailMessage,
    id: &str,
    generation: u32,
) -> (Result<Sent, SendError>, bool) {
    let (id, event): (DeliveryId, EventId) = (id.parse().unwrap(), FIRST.parse().unwrap());
    let (tenant, latch) = (TenantId::default(), Latch::default());
    let to = message.to.address();
    let mut delivery = Delivery::<Email>::new(id, event, &tenant, to, message, &latch);
    delivery.generation = generation;
    let result = folder.send(delivery).await;
    (result, latch.is_set())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_mail_becomes_one_file_that_mail_programs_read() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = MailFolder::new(temporary.path().join("deep/outbox")).unwrap();
    let message = message(FIRST, "Grüße");
    let (result, started) = send(&folder, &message, FIRST, 0).await;
    assert!(started);
    assert_eq!(result.unwrap().id(), Some(&*format!("{FIRST}.eml")));
    assert_eq!(names(folder.path()), [format!("{FIRST}.eml")]);
    let file = fs::read(folder.path().join(format!("{FIRST}.eml"))).unwrap();
    assert_eq!(file, to_eml(&message).unwrap());
    let mail = MessageParser::default().parse(&file).unwrap();
    assert_eq!(mail.subject(), Some("Grüße"));
}

#[tokio::test]
async fn a_repeat_leaves_one_file_and_a_redrive_makes_another() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = MailFolder::new(temporary.path()).unwrap();
    let message = message(FIRST, "Hello");
    for _ in 0..3 {
        send(&folder, &message, FIRST, 0).await.0.unwrap();
    }
    assert_eq!(names(folder.path()), [format!("{FIRST}.eml")]);
    send(&folder, &message, FIRST, 1).await.0.unwrap();
    let both = [format!("{FIRST}.1.eml"), format!("{FIRST}.eml")];
    assert_eq!(names(folder.path()), both);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_do_not_touch_each_other() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = MailFolder::new(temporary.path()).unwrap();
    let mails = [
        (FIRST, message(FIRST, "one")),
        (SECOND, message(SECOND, "two")),
    ];
    let sends = (0..40).map(|index: usize| {
        let (id, message) = &mails[index % 2];
        send(&folder, message, id, 0)
    });
    for (result, _) in futures::future::join_all(sends).await {
        result.unwrap();
    }
    assert_eq!(
        names(folder.path()),
        [format!("{FIRST}.eml"), format!("{SECOND}.eml")]
    );
    for (id, message) in &mails {
        let file = fs::read(folder.path().join(format!("{id}.eml"))).unwrap();
        assert_eq!(file, to_eml(message).unwrap());
    }
}

#[tokio::test]
async fn a_folder_that_is_gone_is_a_configuration_fault_before_the_start() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = MailFolder::new(temporary.path().join("outbox")).unwrap();
    fs::remove_dir(folder.path()).unwrap();
    let (result, started) = send(&folder, &message(FIRST, "Hello"), FIRST, 0).await;
    let error = result.unwrap_err();
    assert!(!started);
    assert_eq!(error.outcome(), Outcome::Retryable);
    assert_eq!(error.fault(), Fault::Configuration);
    assert_eq!(error.to_string(), "the folder is not there");
    assert!(error.source().is_some());

    fs::create_dir(folder.path()).unwrap();
    send(&folder, &message(FIRST, "Hello"), FIRST, 0)
        .await
        .0
        .unwrap();
}

#[tokio::test]
async fn a_name_that_is_taken_by_a_folder_leaves_no_draft() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = MailFolder::new(temporary.path()).unwrap();
    let taken = format!("{FIRST}.eml");
    fs::create_dir(folder.path().join(&taken)).unwrap();
    let (result, started) = send(&folder, &message(FIRST, "Hello"), FIRST, 0).await;
    assert!(started);
    assert_eq!(result.unwrap_err().outcome(), Outcome::Retryable);
    assert_eq!(names(folder.path()), [taken]);
}

/// One thread for blocking work does it in order: when the second piece is done, so is the first.
#[test]
fn a_send_that_is_dropped_before_the_start_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = MailFolder::new(temporary.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let message = message(FIRST, "Hello");
        let mut sending = Box::pin(send(&folder, &message, FIRST, 0));
        assert!(sending.as_mut().now_or_never().is_none());
        drop(sending);
        tokio::task::spawn_blocking(|| ()).await.unwrap();
    });
    drop(runtime);
    assert!(names(folder.path()).is_empty());
}

#[tokio::test]
async fn a_message_that_is_no_mail_is_permanent() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = MailFolder::new(temporary.path()).unwrap();
    let mut message = message(FIRST, "Hello");
    message.text = None;
    let (result, started) = send(&folder, &message, FIRST, 0).await;
    let error = result.unwrap_err();
    assert!(!started);
    assert_eq!(
        (error.outcome(), error.fault()),
        (Outcome::Permanent, Fault::Message)
    );
    let told = error.to_string();
    assert!(told.contains("the message has no body"), "{told}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn settings() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("outbox");
    let folder = MailFolder::new(&path).unwrap();
    assert_eq!(Provider::<Email>::name(&folder), "folder");
    let capabilities = Provider::<Email>::capabilities(&folder);
    assert!(capabilities.reports_start);
    assert!(capabilities.dedup_window.is_some());

    let url = format!("folder://{}?name=archive", path.display());
    let folder = MailFolder::from_url(&url).unwrap();
    assert_eq!(Provider::<Email>::name(&folder), "archive");
    assert_eq!(folder.path(), path);

    let config = FolderConfig::new(&path).with_name("not a name");
    assert!(matches!(
        MailFolder::with_config(config),
        Err(FolderError::Name(_))
    ));

    fs::write(temporary.path().join("file"), "").unwrap();
    let error = MailFolder::new(temporary.path().join("file")).unwrap_err();
    assert!(matches!(error, FolderError::Create { .. }));
    assert!(error.source().is_some());
}
