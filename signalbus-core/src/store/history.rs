use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Bounce, EndState, Reason, ReceiptKind, Why};
use crate::{
    clock::Timestamp,
    name::ProviderName,
    provider::{Fault, Outcome},
};

/// One line of a delivery's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When the store wrote it.
    pub at: Timestamp,
    /// What happened.
    pub entry: Entry,
}

impl HistoryEntry {
    /// Takes out what may tell who the recipient was: a provider's name for the message, and what was
    /// said in free words. For stores, when they erase a recipient. Says whether anything was in it.
    pub fn erase(&mut self) -> bool {
        match &mut self.entry {
            Entry::Attempt(record) => {
                let told = record.detail.take().is_some();
                match &mut record.outcome {
                    AttemptOutcome::Accepted { id } => id.take().is_some() || told,
                    _ => told,
                }
            }
            Entry::Receipt { detail, .. } | Entry::Ended { detail, .. } => detail.take().is_some(),
            _ => false,
        }
    }
}

/// What happened to a delivery. Never has an address, content or secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entry {
    /// It was tried.
    Attempt(AttemptRecord),
    /// It ended without a try: when it was accepted, or when its claim was refused.
    Ended {
        /// How.
        state: EndState,
        /// Why.
        reason: Reason,
        /// Why exactly, if there is more to say than the reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Somebody called it off.
    Cancelled {
        /// Who.
        actor: String,
        /// Whether a send was in flight, so that only retries could be called off.
        in_flight: bool,
    },
    /// Somebody erased its recipient: what earlier entries said in words of others is gone, too.
    Erased {
        /// Who.
        actor: String,
        /// Whether a send was in flight, which may have arrived.
        in_flight: bool,
    },
    /// A pause holds it back from now on.
    Held {
        /// Why it was paused.
        reason: String,
    },
    /// A counter had too little left for it.
    PutOff {
        /// Until when it waits.
        until: Timestamp,
        /// Why, in a word.
        why: Why,
    },
    /// Somebody gave it a new generation.
    Redriven {
        /// Who.
        actor: String,
        /// The generation that ended.
        ended: u32,
        /// The generation that began.
        began: u32,
    },
    /// The provider said something later.
    Receipt {
        /// What.
        kind: ReceiptKind,
        /// When it happened, by the provider.
        occurred_at: Option<Timestamp>,
        /// Whether it moved the ladder.
        advanced: bool,
        /// The provider's code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// What the provider said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
        /// Whether a bounce is for good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bounce: Option<Bounce>,
    },
    /// Written by a newer version, in words that this one does not know; kept and shown as it is.
    #[serde(untagged)]
    Other(serde_json::Value),
}

/// One try of a delivery at a provider: immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The generation it belongs to.
    pub generation: u32,
    /// Its number in the generation, from one.
    pub attempt: u32,
    /// Who was asked; none when it ended before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderName>,
    /// When it began, by the store's clock.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Whether a send may have been caused.
    pub request_started: bool,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// Whose fault it was, if it was anybody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The provider's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the provider, template or engine said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What came next, in a word: the end state, or `retry`.
    pub next: Cow<'static, str>,
    /// How long the next try has to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_in: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a newer version wrote is neither refused nor changed.
    #[test]
    fn unknown_words_survive_a_round_trip() {
        for written in [
            r#"{"merged":{"into":"7"}}"#,
            r#"{"ended":{"reason":"sent","state":"vanished"}}"#,
            r#"{"attempt":{"attempt":1,"fault":"carrier_pigeon","generation":0,"next":"retry"}}"#,
        ] {
            let read: Entry = serde_json::from_str(written).unwrap();
            assert!(matches!(read, Entry::Other(_)), "{read:?}");
            assert_eq!(serde_json::to_string(&read).unwrap(), written);
        }
        let known = r#"{"held":{"reason":"maintenance"}}"#;
        let read: Entry = serde_json::from_str(known).unwrap();
        assert!(matches!(read, Entry::Held { .. }), "{read:?}");
    }
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// The provider took it, and calls it this.
    Accepted {
        /// The provider's id of the message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// It failed.
    Failed(Outcome),
    /// Whoever tried died before the result was written: possibly sent.
    Interrupted,
}
