//! What the engine writes down with a result, for the next try of the same generation.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, name::ProviderName, store::Ready};

/// Opaque to stores. One of another version is left alone, as if there were none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memo {
    version: u8,
    /// When the first send of the generation began.
    pub(crate) first_at: Timestamp,
    /// Who was asked then.
    pub(crate) first_by: ProviderName,
}

const VERSION: u8 = 1;

impl Memo {
    /// After a first send.
    pub(crate) fn new(first_at: Timestamp, first_by: ProviderName) -> Self {
        Self {
            version: VERSION,
            first_at,
            first_by,
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
    Memo::of(ready).map_or(ready.accepted_at, |memo| memo.first_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_and_another_version_is_not() {
        let by = ProviderName::new("mailgun").unwrap();
        let memo = Memo::new(Timestamp::UNIX_EPOCH, by);
        let mut newer = memo.clone();
        newer.version += 1;
        let read = |memo: &Memo| {
            let memo: Memo = serde_json::from_slice(&memo.written().unwrap()).unwrap();
            memo
        };
        assert_eq!(read(&memo), memo);
        assert_ne!(read(&newer).version, VERSION);
    }
}
