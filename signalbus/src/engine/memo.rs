//! What the engine writes down with a result, for the next try of the same generation.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    name::ProviderName,
    route::Doubt,
    store::{Next, Ready},
};

/// Opaque to stores. One of another version is left alone, as if there were none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memo {
    version: u8,
    /// The first send of the generation; none when it was not seen to begin.
    #[serde(flatten)]
    pub(crate) first: Option<First>,
    /// When it may have been sent, while nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) doubt: Option<Doubt>,
    /// Who could not take it at the last try, if others may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused_by: Option<ProviderName>,
}

/// A first send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct First {
    /// When it began.
    #[serde(rename = "first_at")]
    pub(crate) at: Timestamp,
    /// Who was asked.
    #[serde(rename = "first_by")]
    pub(crate) by: ProviderName,
}

const VERSION: u8 = 1;

impl Memo {
    /// After a first send, or when it is not known whether there was one.
    pub(crate) fn new(first: Option<First>, doubt: Option<Doubt>) -> Self {
        Self {
            version: VERSION,
            first,
            doubt,
            refused_by: None,
        }
    }

    /// What was written down of this delivery.
    pub(crate) fn of(ready: &Ready) -> Option<Self> {
        let memo: Self = serde_json::from_slice(ready.memo.as_ref()?).ok()?;
        (memo.version == VERSION).then_some(memo)
    }

    pub(crate) fn written(&self) -> Option<Bytes> {
        serde_json::to_vec(self).ok().map(Bytes::from)
    }
}

/// Since when a provider may know of this delivery.
pub(crate) fn known_since(ready: &Ready) -> Timestamp {
    Memo::of(ready)
        .and_then(|memo| memo.first)
        .map_or(ready.accepted_at, |first| first.at)
}

/// When it may have been sent, while nobody knows.
pub(crate) fn doubt_of(ready: &Ready) -> Option<Doubt> {
    Memo::of(ready)?.doubt
}

/// Who could not take it at the last try.
pub(crate) fn refused_by(ready: &Ready) -> Option<ProviderName> {
    Memo::of(ready)?.refused_by
}

/// What to write down, while there may be another try: the first send, when it may have been sent, and who
/// could not take it. What another version wrote stays.
pub(crate) fn memo(
    ready: &Ready,
    next: &Next,
    first: Option<First>,
    doubt: Option<Doubt>,
    refused_by: Option<ProviderName>,
) -> Option<Bytes> {
    if matches!(next, Next::End(..)) {
        return None;
    }
    let before = Memo::of(ready);
    if before.is_none() && ready.memo.is_some() {
        return ready.memo.clone();
    }
    let first = before.and_then(|memo| memo.first).or(first);
    if first.is_none() && doubt.is_none() && refused_by.is_none() {
        return None;
    }
    let mut memo = Memo::new(first, doubt);
    memo.refused_by = refused_by;
    memo.written()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first() -> Option<First> {
        Some(First {
            at: Timestamp::UNIX_EPOCH,
            by: ProviderName::new("mailgun").unwrap(),
        })
    }

    fn read(written: &[u8]) -> Memo {
        serde_json::from_slice(written).unwrap()
    }

    #[test]
    fn it_is_read_back_and_another_version_is_not() {
        let doubt = Some(Doubt::new(Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH));
        for (first, doubt) in [(first(), None), (None, doubt), (first(), doubt)] {
            let memo = Memo::new(first, doubt);
            assert_eq!(read(&memo.written().unwrap()), memo);
            let mut newer = memo.clone();
            newer.version += 1;
            assert_ne!(read(&newer.written().unwrap()).version, VERSION);
        }
    }

    /// As it was written before there was a doubt in it.
    #[test]
    fn an_older_one_is_read() {
        let written = br#"{"version":1,"first_at":"1970-01-01T00:00:00Z","first_by":"mailgun"}"#;
        assert_eq!(read(written), Memo::new(first(), None));
    }
}
