//! The process that sends and is killed.

use std::{env, path::PathBuf, time::Duration};

use signalbus::{
    Channel, ChannelSetup, EngineOptions, Event, Guarantee, Idempotency, Policy, Recipient,
    RetryPolicy, Signalbus, Templates,
    channel::{Email, Sms},
    store::{DeliveryFilter, State, Tally},
};
use signalbus_mailgun::{Account, Mailgun, MailgunConfig};
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::fakes::twilio::FakeTwilio;
use signalbus_twilio::{Twilio, TwilioConfig};

use crate::fake::Kind;

/// What it has to do.
pub(crate) struct Job {
    pub(crate) database: PathBuf,
    pub(crate) url: String,
    pub(crate) kind: Kind,
    pub(crate) looks_up: bool,
    pub(crate) at_most_once: bool,
    pub(crate) messages: usize,
}

/// What tells it from the parent.
const WORD: &str = "child-that-sends";

impl Job {
    pub(crate) fn from_args() -> Option<Self> {
        let arguments: Vec<String> = env::args().skip(1).collect();
        let [word, database, url, kind, looks_up, at_most_once, messages] = arguments.as_slice()
        else {
            return None;
        };
        (word == WORD).then(|| Self {
            database: database.into(),
            url: url.clone(),
            kind: Kind::of(kind),
            looks_up: looks_up == "true",
            at_most_once: at_most_once == "true",
            messages: messages.parse().unwrap(),
        })
    }

    pub(crate) fn args(&self) -> [String; 7] {
        [
            WORD.to_owned(),
            self.database.display().to_string(),
            self.url.clone(),
            self.kind.name().to_owned(),
            self.looks_up.to_string(),
            self.at_most_once.to_string(),
            self.messages.to_string(),
        ]
    }

    fn mailgun(&self) -> Mailgun {
        let mut account = Account::new("mg.acme.test", "key")
            .and_then(|account| account.base_url(&self.url))
            .unwrap();
        if self.looks_up {
            account = account.reading_key("reading");
        }
        Mailgun::new(MailgunConfig::new(account)).unwrap()
    }

    fn twilio(&self) -> Twilio {
        let (account, token) = (FakeTwilio::ACCOUNT, FakeTwilio::TOKEN);
        let url = format!("twilio://{account}:{token}@+15005550006");
        let config = TwilioConfig::from_url(&url)
            .and_then(|config| config.base_url(&self.url))
            .and_then(|config| config.status_callback("https://acme.test/receipts"))
            .unwrap();
        Twilio::new(config.look_up(self.looks_up)).unwrap()
    }

    /// What cannot be told at once is not waited for: these tests take real time.
    fn set_up<C: Channel>(&self, setup: ChannelSetup<C>) -> ChannelSetup<C> {
        let millis = Duration::from_millis;
        let retry = RetryPolicy::default()
            .with_waits(millis(1), millis(5), millis(10))
            .with_longest_doubt(Duration::ZERO);
        let guarantee = if self.at_most_once {
            Guarantee::AtMostOnce
        } else {
            Guarantee::AtLeastOnce
        };
        setup.guarantee(guarantee).retry(retry)
    }
}

/// How long a dead process holds its work.
const LEASE: Duration = Duration::from_secs(1);

/// Publishes, and sends until nothing is left to do.
pub(crate) async fn run(job: Job) {
    let millis = Duration::from_millis;
    let email = Email::from("Acme <hello@acme.test>").unwrap();
    let signalbus = Signalbus::builder()
        .store(SqliteStore::open(&job.database).await.unwrap())
        .channel_setup(job.set_up(ChannelSetup::new(email, job.mailgun())))
        .channel_setup(job.set_up(ChannelSetup::new(Sms::new(), job.twilio())))
        .templates(
            Templates::embedded(&[
                ("order/en/subject.txt", "Your order"),
                ("order/en/body.txt", "It is on its way."),
                ("code/en/sms.txt", "Your order is on its way."),
            ])
            .unwrap(),
        )
        .policy(Policy::new().on::<Email>("order").on::<Sms>("code"))
        .options(
            EngineOptions::default()
                .with_lease(LEASE)
                .with_poll(millis(50)),
        )
        .start()
        .await
        .unwrap();
    for number in 0..job.messages {
        let (topic, to) = match job.kind {
            Kind::Mail => (
                "order",
                Recipient::new().email(format!("ada{number}@example.org")),
            ),
            Kind::Text => (
                "code",
                Recipient::new().sms(format!("+44770090012{number}")),
            ),
        };
        let event = Event::new(topic, Idempotency::key(number.to_string())).to(to);
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
