//! The process that sends and is killed.

use std::{env, path::PathBuf, time::Duration};

use signalbus::{
    ChannelSetup, EngineOptions, Event, Guarantee, Idempotency, Policy, Recipient, RetryPolicy,
    Signalbus, Templates,
    channel::Email,
    store::{DeliveryFilter, State, Tally},
};
use signalbus_mailgun::{Account, Mailgun, MailgunConfig};
use signalbus_sqlite::SqliteStore;

/// What it has to do.
pub(crate) struct Job {
    pub(crate) database: PathBuf,
    pub(crate) url: String,
    pub(crate) looks_up: bool,
    pub(crate) at_most_once: bool,
    pub(crate) mails: usize,
}

/// What tells it from the parent.
const WORD: &str = "child-that-sends";

impl Job {
    pub(crate) fn from_args() -> Option<Self> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [word, database, url, looks_up, at_most_once, mails] = arguments.as_slice() else {
            return None;
        };
        (word == WORD).then(|| Self {
            database: database.into(),
            url: url.clone(),
            looks_up: looks_up == "true",
            at_most_once: at_most_once == "true",
            mails: mails.parse().unwrap(),
        })
    }

    pub(crate) fn args(&self) -> [String; 6] {
        [
            WORD.to_owned(),
            self.database.display().to_string(),
            self.url.clone(),
            self.looks_up.to_string(),
            self.at_most_once.to_string(),
            self.mails.to_string(),
        ]
    }
}

/// How long a dead process holds its work.
const LEASE: Duration = Duration::from_secs(1);

/// Publishes, and sends until nothing is left to do.
pub(crate) async fn run(job: Job) {
    let mut account = Account::new("mg.acme.test", "key")
        .and_then(|account| account.base_url(&job.url))
        .unwrap();
    if job.looks_up {
        account = account.reading_key("reading");
    }
    let provider = Mailgun::new(MailgunConfig::new(account)).unwrap();
    let guarantee = if job.at_most_once {
        Guarantee::AtMostOnce
    } else {
        Guarantee::AtLeastOnce
    };
    let millis = Duration::from_millis;
    let channel = Email::from("Acme <hello@acme.test>").unwrap();
    let setup = ChannelSetup::new(channel, provider)
        .guarantee(guarantee)
        .retry(RetryPolicy::default().with_waits(millis(1), millis(5), millis(10)));
    let signalbus = Signalbus::builder()
        .store(SqliteStore::open(&job.database).await.unwrap())
        .channel_setup(setup)
        .templates(
            Templates::embedded(&[
                ("order/en/subject.txt", "Your order"),
                ("order/en/body.txt", "It is on its way."),
            ])
            .unwrap(),
        )
        .policy(Policy::new().on::<Email>("order"))
        .options(
            EngineOptions::default()
                .with_lease(LEASE)
                .with_poll(millis(50)),
        )
        .start()
        .await
        .unwrap();
    for number in 0..job.mails {
        let to = Recipient::new().email(format!("ada{number}@example.org"));
        let event = Event::new("order", Idempotency::key(number.to_string())).to(to);
        signalbus.publish(event).await.unwrap();
    }
    // The lanes of a dead process are not ours at once, and what is in them is nothing to be idle about.
    while signalbus
        .tally(&DeliveryFilter::new())
        .await
        .unwrap()
        .iter()
        .any(is_open)
    {
        pause().await;
    }
    signalbus.shutdown().await;
}

fn is_open(tally: &Tally) -> bool {
    !matches!(tally.state, State::Ended(_))
}

#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}
