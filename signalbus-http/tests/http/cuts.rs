//! Cuts at each point of a send: the books of the fake and our history agree, and nothing is sent more
//! often than the guarantee allows.

use std::{sync::Arc, time::Duration};

use signalbus::{
    ChannelSetup, DeliveryId, Event, Guarantee, Idempotency, Policy, Recipient, RetryPolicy,
    Signalbus, Store, Templates, TenantId,
    channel::{Email, Sms},
    provider::Outcome,
    store::{AttemptOutcome, EndState, Entry, State},
};
use signalbus_mailgun::{Account, Mailgun, MailgunConfig};
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::fakes::{Act, mailgun::FakeMailgun, twilio::FakeTwilio};
use signalbus_twilio::{Twilio, TwilioConfig};

use crate::support::FROM;

/// What became of one delivery: its end, how often the fake has it, how often it was asked, and the
/// outcomes of the tries in our history.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    state: State,
    taken: usize,
    requests: usize,
    tries: Vec<&'static str>,
}

const ACCEPTED: State = State::Ended(EndState::Accepted);
const UNKNOWN: State = State::Ended(EndState::OutcomeUnknown);

/// What the fake does, and whether it has taken the message then.
fn points() -> Vec<(Act, bool)> {
    vec![
        (Act::CutRequest(0), false),
        (Act::CutRequest(50), false),
        (Act::TakeAndCut, true),
        (Act::CutAnswer(0), true),
        (Act::CutAnswer(10), true),
        (Act::CutAnswer(30), true),
        (Act::Malformed, true),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_the_look_up_finds_is_not_sent_twice() {
    for guarantee in [Guarantee::AtLeastOnce, Guarantee::AtMostOnce] {
        for (act, taken) in points().into_iter().filter(|(_, taken)| *taken) {
            let ending = mail(guarantee, act.clone(), Events::InTime).await;
            let expected = Ending {
                state: ACCEPTED,
                taken: usize::from(taken),
                requests: 1,
                tries: vec!["accepted"],
            };
            assert_eq!(ending, expected, "{guarantee:?} {act:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_look_up_cannot_tell_follows_the_guarantee() {
    for (act, taken) in points() {
        for events in [Events::Late, Events::NotAsked] {
            let ending = mail(Guarantee::AtLeastOnce, act.clone(), events).await;
            assert_eq!(ending, at_least_once(taken), "{act:?} {events:?}");
            let ending = mail(Guarantee::AtMostOnce, act.clone(), events).await;
            assert_eq!(ending, at_most_once(taken), "{act:?} {events:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_follows_the_same_rules() {
    for (act, taken) in points() {
        let ending = text(Guarantee::AtLeastOnce, act.clone(), false).await;
        assert_eq!(ending, at_least_once(taken), "{act:?}");
        let ending = text(Guarantee::AtMostOnce, act.clone(), false).await;
        assert_eq!(ending, at_most_once(taken), "{act:?}");
        if taken {
            let ending = text(Guarantee::AtMostOnce, act.clone(), true).await;
            assert_eq!(
                (ending.state, ending.taken, ending.requests),
                (ACCEPTED, 1, 1),
                "{act:?}"
            );
        }
    }
}

/// What was certainly not sent is sent again, whatever the guarantee.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_is_no_end_is_no_doubt_either() {
    let busy = || Act::answer(503, r#"{"message":"busy"}"#);
    for guarantee in [Guarantee::AtLeastOnce, Guarantee::AtMostOnce] {
        let ending = mail(guarantee, busy(), Events::NotAsked).await;
        let tries = vec!["retryable", "accepted"];
        assert_eq!(
            ending,
            Ending {
                state: ACCEPTED,
                taken: 1,
                requests: 2,
                tries
            }
        );
    }
}

fn at_least_once(taken: bool) -> Ending {
    Ending {
        state: ACCEPTED,
        taken: 1 + usize::from(taken),
        requests: 2,
        tries: vec!["unknown", "accepted"],
    }
}

fn at_most_once(taken: bool) -> Ending {
    Ending {
        state: UNKNOWN,
        taken: usize::from(taken),
        requests: 1,
        tries: vec!["unknown"],
    }
}

/// What Mailgun's events say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Events {
    InTime,
    Late,
    NotAsked,
}

async fn mail(guarantee: Guarantee, act: Act, events: Events) -> Ending {
    let fake = FakeMailgun::start().await;
    fake.events_are_late(events == Events::Late);
    fake.play([act]);
    let mut account = Account::new("mg.acme.test", "key")
        .and_then(|account| account.base_url(&fake.url()))
        .unwrap();
    if events != Events::NotAsked {
        account = account.reading_key("reading");
    }
    let provider = Mailgun::new(MailgunConfig::new(account)).unwrap();
    let channel = Email::from("Acme <hello@acme.test>").unwrap();
    let setup = ChannelSetup::new(channel, provider)
        .guarantee(guarantee)
        .retry(fast());
    let builder = Signalbus::builder()
        .channel_setup(setup)
        .policy(Policy::new().on::<Email>("order"));
    let (state, tries) = run(builder, Recipient::new().email("ada@example.org")).await;
    Ending {
        state,
        taken: fake.mails().len(),
        requests: fake.requests(),
        tries,
    }
}

async fn text(guarantee: Guarantee, act: Act, look_up: bool) -> Ending {
    let fake = FakeTwilio::start().await;
    fake.play([act]);
    let (account, token) = (FakeTwilio::ACCOUNT, FakeTwilio::TOKEN);
    let config = TwilioConfig::from_url(&format!("twilio://{account}:{token}@{FROM}"))
        .and_then(|config| config.base_url(&fake.url()))
        .unwrap()
        .look_up(look_up);
    let provider = Twilio::new(config).unwrap();
    let setup = ChannelSetup::new(Sms::new(), provider)
        .guarantee(guarantee)
        .retry(fast());
    let builder = Signalbus::builder()
        .channel_setup(setup)
        .policy(Policy::new().on::<Sms>("order"));
    let (state, tries) = run(builder, Recipient::new().sms("+447700900123")).await;
    Ending {
        state,
        taken: fake.texts().len(),
        requests: fake.requests(),
        tries,
    }
}

fn fast() -> RetryPolicy {
    let millis = Duration::from_millis;
    // What cannot be told at once is not waited for: the engine runs in real time.
    RetryPolicy::default()
        .with_waits(millis(1), millis(5), millis(10))
        .with_longest_doubt(Duration::ZERO)
}

async fn run(builder: signalbus::Builder, to: Recipient) -> (State, Vec<&'static str>) {
    let folder = tempfile::tempdir().unwrap();
    // At most once needs a store that survives.
    let store = SqliteStore::open(folder.path().join("notifications.db"))
        .await
        .unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let templates = Templates::embedded(&[
        ("order/en/subject.txt", "Your order"),
        ("order/en/body.txt", "It is on its way."),
        ("order/en/sms.txt", "Your order is on its way."),
    ]);
    let signalbus = builder
        .shared_store(Arc::clone(&store))
        .templates(templates.unwrap())
        .start()
        .await
        .unwrap();
    let event = Event::new("order", Idempotency::None).to(to);
    let published = signalbus.publish(event).await.unwrap();
    let id: DeliveryId = published.routes[0].delivery;
    signalbus.idle_within(Duration::from_secs(30)).await;
    signalbus.shutdown().await;
    let tenant = TenantId::default();
    let delivery = store.delivery(&tenant, id).await.unwrap().unwrap();
    let history = store.history(&tenant, id).await.unwrap();
    let tries = history.iter().filter_map(|line| match &line.entry {
        Entry::Attempt(attempt) => Some(match attempt.outcome {
            AttemptOutcome::Accepted { .. } => "accepted",
            AttemptOutcome::Failed(Outcome::Unknown) => "unknown",
            AttemptOutcome::Failed(Outcome::Retryable) => "retryable",
            AttemptOutcome::Failed(Outcome::Permanent) => "permanent",
            AttemptOutcome::Interrupted => "interrupted",
        }),
        _ => None,
    });
    (delivery.state, tries.collect())
}
