use std::time::Duration;

use signalbus::{
    Clock,
    channel::sms::SmsOptions,
    provider::{Found, Outcome, Provider, Sent},
};
use signalbus_testkit::fakes::Act;
use signalbus_twilio::{Pools, Sender, Sought, TwilioFound};

use crate::support::{FROM, Parcel, Stage, pool, stage, stage_with, token};

fn sought(stage: &Stage, parcel: &Parcel) -> Sought {
    let from = Sender::new(FROM).unwrap();
    Sought::new(
        parcel.to.clone(),
        &from,
        &parcel.message.text,
        stage.clock.now(),
    )
}

async fn lost(stage: &Stage, parcel: &Parcel) {
    stage.fake.play([Act::TakeAndCut]);
    let error = stage.send(parcel).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
}

#[tokio::test]
async fn a_text_whose_answer_was_lost_is_found_by_recipient_sender_time_and_text() {
    let stage = stage(|config| config).await;
    let others = [
        Parcel::number(2, "+447700900123", "Another text", &SmsOptions::new()),
        Parcel::number(
            3,
            "+447700900999",
            "Your code is 117203",
            &SmsOptions::new(),
        ),
        Parcel::number(
            4,
            "+447700900123",
            "Your code is 117203",
            &SmsOptions::new().with_sender("ACME"),
        ),
    ];
    for other in &others {
        stage.send(other).await.unwrap();
    }
    let parcel = Parcel::new();
    lost(&stage, &parcel).await;
    let Found::Sent(sent) = stage.find(&parcel).await.unwrap() else {
        panic!("not found");
    };
    assert_eq!(sent.id(), Some(stage.fake.texts()[3].sid.as_str()));
}

/// The same text to the same number, from another delivery: it has a name, and so it is not this one.
#[tokio::test]
async fn a_text_that_belongs_to_another_delivery_is_not_taken_for_it() {
    let stage = stage(|config| config).await;
    let twin = Parcel::number(
        2,
        "+447700900123",
        "Your code is 117203",
        &SmsOptions::new(),
    );
    stage.send(&twin).await.unwrap();
    let parcel = Parcel::new();
    stage.fake.play([Act::CutRequest(0)]);
    stage.send(&parcel).await.unwrap_err();
    let found = stage
        .provider
        .find_sent(&sought(&stage, &parcel))
        .await
        .unwrap();
    assert!(matches!(found, TwilioFound::Nothing { .. }), "{found:?}");
    let found = stage.find(&parcel).await.unwrap();
    let soon = Some(Duration::from_secs(10));
    assert_eq!(found, Found::Unclear { ask_again: soon });
}

/// The process that sent it has died: which sender of the pool it was, nobody knows.
#[tokio::test]
async fn a_text_of_another_process_is_found() {
    let senders = ["+15005550006", "62626", "ACME"];
    let pools = || Pools::new().pool(pool(&senders));
    let mut stage = stage_with(token(), pools(), |config| config).await;
    for sender in senders {
        let parcel = Parcel::number(7, "+447700900123", sender, &SmsOptions::new());
        lost(&stage, &parcel).await;
    }
    stage.restart(pools());
    for (at, sender) in senders.into_iter().enumerate() {
        let parcel = Parcel::number(7, "+447700900123", sender, &SmsOptions::new());
        let found = stage.find(&parcel).await.unwrap();
        let sid = stage.fake.texts()[at].sid.clone();
        assert_eq!(found, Found::Sent(Sent::with_id(sid)));
    }
    let never = Parcel::number(7, "+447700900123", "never sent", &SmsOptions::new());
    let found = stage.find(&never).await.unwrap();
    assert!(matches!(found, Found::Unclear { .. }), "{found:?}");
}

/// Two tries, and the answers to both were lost: a window from the first to the last.
#[tokio::test]
async fn a_text_is_found_anywhere_between_its_first_try_and_its_last() {
    let stage = stage(|config| config).await;
    let start = stage.clock.now();
    stage.clock.advance(Duration::from_secs(600));
    let parcel = Parcel::new();
    lost(&stage, &parcel).await;
    stage.clock.advance(Duration::from_secs(600));
    let end = stage.clock.now();
    let lookup = stage.provider.lookup().unwrap();
    let found = async |times| {
        let question = parcel.question(&stage.tenant, times);
        lookup.find(&question).await.unwrap()
    };
    assert!(matches!(found((start, end)).await, Found::Sent(_)));
    for times in [(start, start), (end, end)] {
        let found = found(times).await;
        assert!(matches!(found, Found::Unclear { .. }), "{found:?}");
    }
}

/// Soon at first, then less often, and not at all when it would not help.
#[tokio::test]
async fn it_says_when_to_ask_again() {
    let stage = stage(|config| config).await;
    let parcel = Parcel::new();
    let now = stage.clock.now();
    let lookup = stage.provider.lookup().unwrap();
    let mut waits = Vec::new();
    loop {
        let question = parcel.question(&stage.tenant, (now, now));
        match lookup.find(&question).await.unwrap() {
            Found::Unclear {
                ask_again: Some(wait),
            } => {
                waits.push(wait.as_secs());
                stage.clock.advance(wait);
            }
            found => break assert_eq!(found, Found::Unclear { ask_again: None }),
        }
    }
    assert_eq!(waits, [10, 10, 20, 40, 40]);
}

#[tokio::test]
async fn two_that_fit_are_ambiguous_and_stay_unknown() {
    let stage = stage(|config| config).await;
    let parcel = Parcel::new();
    lost(&stage, &parcel).await;
    stage.fake.sends_beside(&stage.fake.texts()[0]);
    let found = stage
        .provider
        .find_sent(&sought(&stage, &parcel))
        .await
        .unwrap();
    assert_eq!(found, TwilioFound::Ambiguous);
    let found = stage.find(&parcel).await.unwrap();
    assert_eq!(found, Found::Unclear { ask_again: None });
}

#[tokio::test]
async fn a_text_of_another_time_is_not_taken_for_it() {
    let stage = stage(|config| config).await;
    let parcel = Parcel::new();
    lost(&stage, &parcel).await;
    stage.clock.advance(Duration::from_secs(3600));
    let found = stage
        .provider
        .find_sent(&sought(&stage, &parcel))
        .await
        .unwrap();
    assert_eq!(
        found,
        TwilioFound::Nothing {
            ask_again: Some(Duration::from_secs(120))
        }
    );
}

#[tokio::test]
async fn nothing_found_is_never_called_unsent() {
    let stage = stage(|config| config).await;
    let parcel = Parcel::new();
    stage.fake.play([Act::CutRequest(0)]);
    stage.send(&parcel).await.unwrap_err();
    let sought = sought(&stage, &parcel);
    stage.clock.advance(Duration::from_secs(3600));
    let found = stage.provider.find_sent(&sought).await.unwrap();
    assert_eq!(found, TwilioFound::Nothing { ask_again: None });
}

/// Around midnight a try may be listed under either day.
#[tokio::test]
async fn a_try_near_midnight_is_found() {
    let stage = stage(|config| config).await;
    stage.clock.advance(Duration::from_secs(24 * 3600 - 30));
    let parcel = Parcel::new();
    lost(&stage, &parcel).await;
    let sought = sought(&stage, &parcel);
    stage.clock.advance(Duration::from_secs(60));
    let found = stage.provider.find_sent(&sought).await.unwrap();
    assert!(matches!(found, TwilioFound::Sent(_)), "{found:?}");
}

#[test]
fn debug_shows_neither_number_nor_text() {
    let parcel = Parcel::new();
    let from = Sender::new(FROM).unwrap();
    let now = signalbus::Timestamp::constant(1_893_456_000, 0);
    let shown = format!("{:?}", Sought::new(parcel.to.clone(), &from, "117203", now));
    assert!(!shown.contains("7700") && !shown.contains("117203"));
}
