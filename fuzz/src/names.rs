//! Short texts that are kept or configured: names, ids, trace contexts, words, URLs.

use std::{fmt::Display, str::FromStr};

use serde::{Serialize, de::DeserializeOwned};
use signalbus::{
    DeliveryId, EventId, TenantId, Topic, TraceContext,
    event::{Class, Idempotency, Order},
    name::{ChannelName, ProviderName},
    provider::{Fault, Outcome},
    store::{EndState, Reason, ReceiptKind, State},
};
use signalbus_smtp::FolderConfig;
use signalbus_sqlite::SqliteStore;

/// Takes a text for each of them.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    is_plain::<TenantId>(text, 64);
    is_plain::<Topic>(text, 128);
    is_plain::<ChannelName>(text, 32);
    is_plain::<ProviderName>(text, 64);
    comes_back::<EventId>(text);
    comes_back::<DeliveryId>(text);
    words(text);
    trace(text);
    urls(text);
}

fn is_plain<T>(text: &str, longest: usize)
where
    T: FromStr + Display + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let plain = (1..=longest).contains(&text.len()) && text.bytes().all(allowed);
    assert_eq!(text.parse::<T>().is_ok(), plain, "{text:?}");
    if plain {
        assert_eq!(
            comes_back::<T>(text)
                .map(|name| name.to_string())
                .as_deref(),
            Some(text)
        );
    }
}

/// What was read prints, and is read as the same again; in JSON too.
fn comes_back<T>(text: &str) -> Option<T>
where
    T: FromStr + Display + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let value: T = text.parse().ok()?;
    let printed = value.to_string();
    assert_eq!(
        printed.parse::<T>().ok().as_ref(),
        Some(&value),
        "{printed:?}"
    );
    in_json(&value);
    Some(value)
}

fn in_json<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let json = serde_json::to_string(value).expect("it is JSON");
    assert_eq!(
        serde_json::from_str::<T>(&json).ok().as_ref(),
        Some(value),
        "{json}"
    );
}

/// Words of a newer version survive; where no other can be, they are refused.
fn words(text: &str) {
    let reason = Reason::from(text.to_owned());
    assert_eq!(reason.as_str(), text);
    in_json(&reason);
    let kind = ReceiptKind::from(text.to_owned());
    assert_eq!(kind.as_str(), text);
    assert!(kind.rank() <= 5);
    in_json(&kind);

    let word = serde_json::to_string(text).expect("text is JSON");
    for json in [word.as_str(), text] {
        read::<State>(json);
        read::<EndState>(json);
        read::<Class>(json);
        read::<Order>(json);
        read::<Idempotency>(json);
        read::<Outcome>(json);
        read::<Fault>(json);
        read::<TraceContext>(json);
    }
    if let Ok(class) = serde_json::from_str::<Class>(&word) {
        assert_eq!(class.as_str(), text);
    }
    if let Ok(end) = serde_json::from_str::<EndState>(&word) {
        assert_eq!(end.as_str(), text);
    }
}

fn read<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(json: &str) {
    if let Ok(value) = serde_json::from_str::<T>(json) {
        in_json(&value);
    }
}

/// The two headers, one a line.
fn trace(text: &str) {
    let (parent, state) = match text.split_once('\n') {
        Some((parent, state)) => (parent, Some(state)),
        None => (text, None),
    };
    if let Ok(trace) = TraceContext::new(parent, state) {
        assert_eq!(trace.traceparent(), parent);
        assert_eq!(trace.tracestate(), state.filter(|state| !state.is_empty()));
        assert!(!trace.traceparent().contains(|c: char| c.is_control()));
        assert!(
            !trace
                .tracestate()
                .unwrap_or_default()
                .contains(|c: char| c.is_control())
        );
        in_json(&trace);
    }
}

fn urls(text: &str) {
    if let Ok(config) = FolderConfig::from_url(text) {
        assert!(config.path.is_absolute());
        assert!(!config.path.as_os_str().as_encoded_bytes().contains(&0));
    }
    // Nothing is opened: a path is only looked at.
    drop(SqliteStore::from_url(text));
}
