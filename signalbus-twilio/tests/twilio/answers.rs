use std::{collections::BTreeMap, env, fs, path::Path, time::Duration};

use serde_json::Value;
use signalbus::{
    channel::sms::SmsOptions,
    provider::{Fault, Outcome},
    store::Cause,
};
use signalbus_testkit::fakes::{Act, twilio::FakeTwilio};
use signalbus_twilio::{Class, Code, Pools};

use crate::support::{FROM, Parcel, pool, stage, stage_with, token};

use Fault::{Configuration, Message, Provider, Quota, Recipient};
use Outcome::{Permanent, Retryable, Unknown};

/// Every code of the table, by its class, with the texts left out of account: Twilio has changed them
/// before.
#[tokio::test]
async fn a_code_says_what_became_of_the_text_and_whose_fault_it_was() {
    let stage = stage(|config| config).await;
    let expected: BTreeMap<Class, _> = [
        (Class::BadRecipient, (Permanent, Recipient, true)),
        (Class::Unreachable, (Permanent, Recipient, false)),
        (Class::OptedOut, (Permanent, Recipient, true)),
        (Class::BadMessage, (Permanent, Message, false)),
        (Class::Expired, (Permanent, Message, false)),
        (Class::Configuration, (Permanent, Configuration, false)),
        (Class::Throttled, (Retryable, Quota, false)),
        (Class::Failed, (Unknown, Provider, false)),
    ]
    .into();
    for code in Code::all() {
        stage.fake.play([FakeTwilio::refusal(400, code.number)]);
        let error = stage.send(&Parcel::new()).await.unwrap_err();
        let got = (error.outcome(), error.fault(), error.suppresses().is_some());
        assert_eq!(got, expected[&code.class], "{}", code.number);
        assert_eq!(error.code(), Some(code.number.to_string().as_str()));
        assert_eq!(error.message(), code.message);
    }
    assert!(stage.fake.texts().is_empty());
}

/// The classes of the codes, written down a second time: "Error and Warning Dictionary" of Twilio, and what
/// its changelog said since (30046 and 30915 in 2026).
#[test]
fn the_codes_of_the_dictionary_have_their_classes() {
    for (class, numbers) in [
        (
            Class::BadRecipient,
            &[21211, 21614, 21635, 30005, 30006][..],
        ),
        // It may be the sender, a filter, or a telephone that is off.
        (Class::Unreachable, &[21612, 30003, 30004, 30046]),
        (Class::OptedOut, &[21610]),
        (
            Class::BadMessage,
            &[
                21602, 21604, 21605, 21617, 21619, 21620, 21655, 21656, 30007,
            ],
        ),
        (
            Class::Configuration,
            &[
                20003, 20404, 21212, 21408, 21606, 21608, 21666, 21703, 21705, 30002, 30018, 30024,
                30032, 30034, 30915,
            ],
        ),
        (
            Class::Throttled,
            &[20429, 21611, 30001, 30022, 30023, 30027],
        ),
        (Class::Expired, &[30036]),
        (Class::Failed, &[20500, 20503, 30008, 30017]),
    ] {
        for number in numbers {
            let code = Code::of(*number);
            assert_eq!(code.map(|code| code.class), Some(class), "{number}");
        }
    }
}

#[tokio::test]
async fn a_code_nobody_knows_is_kept_and_its_status_decides() {
    let stage = stage(|config| config).await;
    for (status, outcome, fault) in [
        (302, Permanent, Configuration),
        (400, Permanent, Message),
        (401, Permanent, Configuration),
        (402, Permanent, Configuration),
        (403, Permanent, Configuration),
        (404, Permanent, Configuration),
        (409, Permanent, Message),
        (429, Retryable, Quota),
        (500, Unknown, Provider),
        (502, Unknown, Provider),
        (503, Unknown, Provider),
    ] {
        let unreadable = Act::answer(status, "<html>");
        for (act, code) in [
            (FakeTwilio::refusal(status, 99_999), "99999".to_owned()),
            (unreadable, status.to_string()),
        ] {
            stage.fake.play([act]);
            let error = stage.send(&Parcel::new()).await.unwrap_err();
            assert_eq!(
                (error.outcome(), error.fault()),
                (outcome, fault),
                "{status}"
            );
            assert_eq!(error.code(), Some(code.as_str()));
            assert!(error.suppresses().is_none());
        }
    }
}

/// Somebody who opted out of one sender has not opted out of the others.
#[tokio::test]
async fn an_opt_out_is_of_the_sender_and_of_all_where_there_is_one() {
    for (pools, suppresses) in [
        (Pools::new().pool(pool(&[FROM])), true),
        (
            Pools::new()
                .pool(pool(&[FROM]))
                .pool(pool(&[FROM]).prefix("+44")),
            true,
        ),
        (Pools::new().pool(pool(&[FROM, "ACME"])), false),
    ] {
        let stage = stage_with(token(), pools, |config| config).await;
        stage.fake.play([FakeTwilio::refusal(400, 21610)]);
        let error = stage.send(&Parcel::new()).await.unwrap_err();
        let suppress = error.suppresses().unwrap();
        assert_eq!(suppress.cause, Cause::Unsubscribed);
        assert_eq!(suppress.scope.sender.is_none(), suppresses);
    }
}

#[tokio::test]
async fn a_wait_is_passed_on() {
    let stage = stage(|config| config).await;
    let Act::Answer { body, .. } = FakeTwilio::refusal(429, 20429) else {
        panic!("an answer");
    };
    let headers = vec![("Retry-After".to_owned(), "3".to_owned())];
    stage.fake.play([Act::Answer {
        status: 429,
        headers,
        body,
    }]);
    let error = stage.send(&Parcel::new()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
}

#[tokio::test]
async fn what_is_lost_on_the_way_is_told_from_what_may_have_been_sent() {
    for (act, taken) in [
        (Act::CutRequest(0), 0),
        (Act::CutRequest(10), 0),
        (Act::TakeAndCut, 1),
        (Act::CutAnswer(0), 1),
        (Act::CutAnswer(20), 1),
        (Act::Malformed, 1),
    ] {
        let stage = stage(|config| config).await;
        stage.fake.play([act.clone()]);
        let parcel = Parcel::new();
        let error = stage.send(&parcel).await.unwrap_err();
        assert_eq!(error.outcome(), Unknown, "{act:?}");
        assert!(parcel.latch.is_set(), "{act:?}");
        assert_eq!(stage.fake.texts().len(), taken, "{act:?}");
    }
}

#[tokio::test]
async fn a_text_is_taken_when_only_its_name_is_lost() {
    for act in [Act::CutAnswer(120), Act::Huge] {
        let stage = stage(|config| config).await;
        stage.fake.play([act.clone()]);
        assert_eq!(
            stage.send(&Parcel::new()).await.unwrap().id(),
            None,
            "{act:?}"
        );
        assert_eq!(stage.fake.texts().len(), 1);
    }
}

#[tokio::test]
async fn a_text_is_named_by_its_sid() {
    let stage = stage(|config| config).await;
    let sent = stage.send(&Parcel::new()).await.unwrap();
    assert_eq!(sent.id(), Some(stage.fake.texts()[0].sid.as_str()));
}

/// Twilio's own numbers for tests, where the list is given, agree with the fake.
#[tokio::test]
async fn the_vendors_magic_numbers_give_their_errors() {
    let Ok(folder) = env::var("SIGNALBUS_VECTORS") else {
        return;
    };
    let text = fs::read_to_string(Path::new(&folder).join("twilio_magic_numbers.json")).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    let mut numbers = 0;
    for (to, code) in list["to"].as_object().unwrap() {
        if !to.starts_with('+') {
            continue;
        }
        numbers += 1;
        let stage = stage(|config| config).await;
        let parcel = Parcel::number(1, to, "Hi", &SmsOptions::new());
        let error = stage.send(&parcel).await.unwrap_err();
        assert_eq!(error.code(), Some(code.to_string().as_str()), "{to}");
    }
    for (from, code) in list["from"].as_object().unwrap() {
        if !from.starts_with('+') {
            continue;
        }
        numbers += 1;
        let pools = Pools::new().pool(pool(&[from]));
        let stage = stage_with(token(), pools, |config| config).await;
        let result = stage.send(&Parcel::new()).await;
        let got = result
            .err()
            .and_then(|error| error.code().map(str::to_owned));
        assert_eq!(got, code.as_u64().map(|code| code.to_string()), "{from}");
    }
    assert!(numbers > 8);
}
