use std::{sync::Arc, time::Duration};

use serde_json::json;
use signalbus::{
    Clock,
    channel::email::EmailOptions,
    clock::later,
    provider::{Fault, Found, Outcome, Provider},
    store::ReceiptKind,
};
use signalbus_mailgun::{
    Account, EventSource, LegacyEvents, Logs, Mailgun, MailgunConfig, MailgunFound, Sought,
};
use signalbus_testkit::fakes::Act;

use crate::support::{DOMAIN, Parcel, READING, SENDING, Stage, stage};

const MINUTE: Duration = Duration::from_secs(60);

fn sources() -> [Arc<dyn EventSource>; 2] {
    [Arc::new(LegacyEvents), Arc::new(Logs)]
}

fn sought(stage: &Stage, parcel: &Parcel) -> Sought {
    Sought {
        tenant: stage.tenant.clone(),
        reference: parcel.delivery(&stage.tenant).reference(),
        message_id: parcel.message.message_id.clone(),
        first_at: stage.clock.now(),
        last_at: stage.clock.now(),
    }
}

#[tokio::test]
async fn a_mail_whose_answer_was_lost_is_found_among_the_events() {
    for source in sources() {
        let stage = stage(|config| config.events(source)).await;
        stage.fake.page_size(2);
        for number in 10..15 {
            let other = Parcel::number(number, &EmailOptions::new(), &[]);
            stage.send(&other).await.unwrap();
        }
        stage.fake.play([Act::TakeAndCut]);
        let parcel = Parcel::new();
        let error = stage.send(&parcel).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown);
        let Found::Sent(sent) = stage.find(&parcel).await.unwrap() else {
            panic!("not found");
        };
        let last = stage.fake.mails().pop().unwrap();
        assert_eq!(sent.id(), Some(last.id.as_str()));
    }
}

/// Events are late by half an hour: that there is none never means that nothing was sent.
#[tokio::test]
async fn what_is_not_among_the_events_is_never_called_unsent() {
    for source in sources() {
        let stage = stage(|config| config.events(source)).await;
        stage.fake.events_are_late(true);
        let parcel = Parcel::new();
        stage.fake.play([Act::TakeAndCut]);
        stage.send(&parcel).await.unwrap_err();
        let sought = sought(&stage, &parcel);
        stage.clock.advance(10 * MINUTE);
        let found = stage.provider.find_sent(&sought).await.unwrap();
        let ask_again = Some(20 * MINUTE);
        assert_eq!(found, MailgunFound::Unclear { ask_again });
        stage.clock.advance(30 * MINUTE);
        let found = stage.provider.find_sent(&sought).await.unwrap();
        assert_eq!(found, MailgunFound::Unclear { ask_again: None });
        let found = stage.find(&parcel).await.unwrap();
        let minute = Some(MINUTE);
        assert_eq!(found, Found::Unclear { ask_again: minute }, "just now");
    }
}

/// The process that sent it has died.
#[tokio::test]
async fn a_mail_of_another_process_is_found() {
    for source in sources() {
        let mut stage = stage(|config| config.events(Arc::clone(&source))).await;
        stage.fake.page_size(2);
        let start = stage.clock.now();
        let parcels: Vec<_> = (1..=5)
            .map(|number| Parcel::number(number, &EmailOptions::new(), &[]))
            .collect();
        for parcel in &parcels {
            stage.send(parcel).await.unwrap();
            stage.clock.advance(MINUTE);
        }
        let config = MailgunConfig::new(crate::support::account(&stage.fake)).events(source);
        let http =
            signalbus_http_client::HttpConfig::default().clock(Arc::new(stage.clock.clone()));
        stage.provider = Mailgun::new(config.http(http)).unwrap();
        stage.clock.advance(300 * MINUTE);
        let lookup = stage.provider.lookup().unwrap();
        let times = (start, later(start, 5 * MINUTE));
        for parcel in &parcels {
            let found = lookup.find(&parcel.question(&stage.tenant, times)).await;
            assert!(matches!(found, Ok(Found::Sent(_))), "{found:?}");
        }
        let never = Parcel::number(6, &EmailOptions::new(), &[]);
        let found = lookup.find(&never.question(&stage.tenant, times)).await;
        assert_eq!(found.unwrap(), Found::Unclear { ask_again: None });
    }
}

/// Soon at first, then less often, up to the half hour that events are late by.
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
                waits.push(wait.as_secs() / 60);
                stage.clock.advance(wait);
            }
            found => break assert_eq!(found, Found::Unclear { ask_again: None }),
        }
    }
    assert_eq!(waits, [1, 1, 2, 4, 8, 14]);
}

/// A redrive has the same Message-ID and is another message.
#[tokio::test]
async fn a_generation_is_not_taken_for_another() {
    let stage = stage(|config| config).await;
    let mut parcel = Parcel::new();
    stage.send(&parcel).await.unwrap();
    parcel.generation = 1;
    let found = stage
        .provider
        .find_sent(&sought(&stage, &parcel))
        .await
        .unwrap();
    assert!(matches!(found, MailgunFound::Unclear { .. }));
    stage.send(&parcel).await.unwrap();
    let found = stage
        .provider
        .find_sent(&sought(&stage, &parcel))
        .await
        .unwrap();
    assert!(matches!(found, MailgunFound::Sent(_)));
}

#[tokio::test]
async fn a_tenant_does_not_find_the_mail_of_another() {
    let mut stage = stage(|config| config).await;
    let parcel = Parcel::new();
    stage.send(&parcel).await.unwrap();
    stage.tenant = signalbus::TenantId::new("other").unwrap();
    let found = stage
        .provider
        .find_sent(&sought(&stage, &parcel))
        .await
        .unwrap();
    assert!(matches!(found, MailgunFound::Unclear { .. }));
}

/// A sending key may not read events; it takes a second one, and without it there is no look-up.
#[tokio::test]
async fn looking_up_takes_a_key_that_may_read() {
    let stage = stage(|config| config).await;
    let account = || {
        Account::new(DOMAIN, SENDING)
            .and_then(|account| account.base_url(&stage.fake.url()))
            .unwrap()
    };
    let without = Mailgun::new(MailgunConfig::new(account())).unwrap();
    assert!(without.lookup().is_none());
    let wrong = Mailgun::new(MailgunConfig::new(account().reading_key(SENDING))).unwrap();
    let error = wrong
        .find_sent(&sought(&stage, &Parcel::new()))
        .await
        .unwrap_err();
    assert_eq!(error.fault(), Fault::Configuration);
    assert!(!format!("{error:?}").contains(READING));
}

#[tokio::test]
async fn receipts_that_never_came_are_found_and_are_the_same_as_those_that_did() {
    for source in sources() {
        let stage = stage(|config| config.events(source)).await;
        stage.fake.page_size(3);
        let start = stage.clock.now();
        for number in 1..=7 {
            let parcel = Parcel::number(number, &EmailOptions::new(), &[]);
            stage.send(&parcel).await.unwrap();
            let mail = stage.fake.mails().pop().unwrap();
            stage.clock.advance(MINUTE);
            stage.fake.happens(&mail, "delivered", &json!({}));
        }
        let foreign = json!({ "user-variables": { "signalbus": "not ours" } });
        let mail = stage.fake.mails().pop().unwrap();
        stage.fake.happens(&mail, "complained", &foreign);
        let end = later(stage.clock.now(), MINUTE);
        let reports = stage
            .provider
            .missed_receipts(&stage.tenant, start, end)
            .await
            .unwrap();
        let delivered = reports.iter().filter(|r| r.kind == ReceiptKind::Delivered);
        assert_eq!(delivered.count(), 7);
        assert_eq!(
            reports.len(),
            14,
            "accepted and delivered, and nothing that is not ours"
        );
        let again = stage
            .provider
            .missed_receipts(&stage.tenant, start, end)
            .await
            .unwrap();
        assert_eq!(reports, again);
    }
}

#[tokio::test]
async fn both_interfaces_say_the_same() {
    let mut said = Vec::new();
    for source in sources() {
        let stage = stage(|config| config.events(source)).await;
        let start = stage.clock.now();
        stage.send(&Parcel::new()).await.unwrap();
        let mail = stage.fake.mails().remove(0);
        stage.clock.advance(Duration::from_millis(1234));
        let bounce = json!({ "severity": "permanent", "reason": "bounce",
            "delivery-status": { "code": 550, "enhanced-code": "5.1.1" } });
        stage.fake.happens(&mail, "failed", &bounce);
        let end = later(start, 10 * MINUTE);
        said.push(
            stage
                .provider
                .missed_receipts(&stage.tenant, start, end)
                .await
                .unwrap(),
        );
    }
    assert_eq!(said[0].len(), 2);
    assert_eq!(said[0], said[1]);
}

/// Credentials go to nobody but Mailgun, wherever a page says that the next one is.
#[tokio::test]
async fn a_next_page_elsewhere_is_not_asked_for() {
    let stage = stage(|config| config).await;
    let account = crate::support::account(&stage.fake);
    let http = signalbus_http_client::HttpClient::new(Default::default()).unwrap();
    let now = stage.clock.now();
    let query = signalbus_mailgun::EventQuery::new(now, now);
    for next in ["http://127.0.0.1:1/v3/x", "https://evil.test/", "nonsense"] {
        let page = LegacyEvents.page(&http, &account, &query, Some(next)).await;
        page.unwrap_err();
    }
    assert_eq!(stage.fake.questions(), 0);
}
