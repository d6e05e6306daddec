use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::{
    clock::Timestamp,
    id::{DeliveryId, EventId},
    name::{ChannelName, ProviderName, TenantId, Topic},
    provider::{Fault, Outcome},
    store::{EndState, Position, Reason, ReceiptKind},
};

const NOON: Timestamp = Timestamp::UNIX_EPOCH;

/// A dead delivery on `sms` with this history.
fn story(history: Vec<Entry>) -> Explanation {
    let delivery = {
        let mut made = DeliveryRecord::new(
            (Position(1), DeliveryId::from_uuid(Uuid::from_u128(2))),
            EventId::from_uuid(Uuid::from_u128(1)),
            TenantId::default(),
            Topic::new("parcel.here").unwrap(),
            NOON,
        );
        made.recipient = 0;
        made.channel = Some(ChannelName::new("sms").unwrap());
        made.state = State::Ended(EndState::Dead);
        made.reason = Some(Reason::Refused);
        made.generation = 1;
        made.attempt = 1;
        made.due = None;
        made.expires_at = None;
        made.ended_at = Some(NOON);
        made.provider = None;
        made.provider_message_id = None;
        made.receipt = None;
        made
    };
    let history = history
        .into_iter()
        .map(|entry| HistoryEntry { at: NOON, entry })
        .collect();
    Explanation {
        delivery,
        history,
        unserved: false,
    }
}

fn failed(generation: u32, outcome: Outcome, detail: &str) -> AttemptRecord {
    AttemptRecord {
        generation,
        attempt: 1,
        provider: Some(ProviderName::new("pigeon").unwrap()),
        started_at: NOON,
        took: Duration::from_millis(7),
        request_started: true,
        outcome: AttemptOutcome::Failed(outcome),
        fault: Some(Fault::Quota),
        code: Some("429".to_owned()),
        detail: Some(detail.to_owned()),
        next: "dead".into(),
        retry_in: None,
    }
}

#[test]
fn it_reads_from_top_to_bottom() {
    let retried = AttemptRecord {
        next: "retry".into(),
        retry_in: Some(Duration::from_millis(1_540)),
        ..failed(0, Outcome::Retryable, "slow down")
    };
    let story = story(vec![
        Entry::Attempt(retried),
        Entry::Redriven {
            actor: "on-call".to_owned(),
            ended: 0,
            began: 1,
        },
        Entry::Attempt(failed(1, Outcome::Permanent, "no such number")),
        Entry::Receipt {
            kind: ReceiptKind::Sent,
            occurred_at: None,
            advanced: false,
            code: None,
            detail: None,
            bounce: None,
        },
    ]);
    assert_eq!(
        story.to_string(),
        "delivery 00000000-0000-0000-0000-000000000002 of event 00000000-0000-0000-0000-000000000001
  parcel.here for recipient 0 of tenant default on sms
  1970-01-01T00:00:00Z  accepted from the publisher
  1970-01-01T00:00:00Z  attempt 1 at pigeon: retryable, fault of the quota [429]: slow down; retry in 1.5s
  1970-01-01T00:00:00Z  redriven by on-call: generation 0 ended, 1 began
  1970-01-01T00:00:00Z  attempt 1 of generation 1 at pigeon: permanent, fault of the quota [429]: no such number; dead
  1970-01-01T00:00:00Z  the provider reported sent, which changed nothing
  now dead (refused)
"
    );
}

#[test]
fn it_says_what_is_meant() {
    let rests = AttemptRecord {
        next: "retry".into(),
        retry_in: Some(Duration::from_secs(60)),
        fault: Some(Fault::Configuration),
        ..failed(0, Outcome::Permanent, "check the key")
    };
    let expired = Entry::Ended {
        state: EndState::Expired,
        reason: Reason::Expired,
        detail: None,
    };
    let mut it = story(vec![Entry::Attempt(rests), expired]);
    it.delivery.expires_at = Some(NOON);
    let told = it.to_string();
    for line in [
        "at pigeon: refused for now, fault of the configuration [429]: check the key; retry in 60.0s",
        "ended as expired, as it was to be sent before 1970-01-01T00:00:00Z\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    it.delivery.state = State::Ended(EndState::Accepted);
    it.delivery.reason = Some(Reason::Sent);
    assert!(
        it.to_string()
            .contains("now accepted by the provider (sent)")
    );
}

#[test]
fn text_from_outside_is_neither_a_line_of_its_own_nor_a_command() {
    let hostile = "x\r\n  now accepted\u{1b}[2J\u{202e}";
    let mut attempt = failed(0, Outcome::Unknown, hostile);
    attempt.code = Some(hostile.to_owned());
    let taken = AttemptRecord {
        outcome: AttemptOutcome::Accepted {
            id: Some(hostile.to_owned()),
        },
        ..attempt.clone()
    };
    let actor = || hostile.to_owned();
    let entries = vec![
        Entry::Attempt(attempt),
        Entry::Attempt(taken),
        Entry::Ended {
            state: EndState::Dead,
            reason: Reason::InvalidAddress,
            detail: Some(actor()),
        },
        Entry::Cancelled {
            actor: actor(),
            in_flight: true,
        },
        Entry::Cancelled {
            actor: actor(),
            in_flight: false,
        },
        Entry::Redriven {
            actor: actor(),
            ended: 0,
            began: 1,
        },
        Entry::Receipt {
            kind: ReceiptKind::Other(actor()),
            occurred_at: None,
            advanced: true,
            code: None,
            detail: None,
            bounce: None,
        },
    ];
    let lines = entries.len();
    let story = story(entries).to_string();
    assert_eq!(story.lines().count(), 3 + lines + 1, "{story:?}");
    let commands = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!story.contains(commands), "{story:?}");
}
