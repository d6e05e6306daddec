use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a delivery is (promise P2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits to be sent: now, at its time, or again.
    Waiting,
    /// Held by a pause; see [`Store::pause`](super::Store::pause).
    Held,
    /// Claimed: a provider may be working on it.
    Sending,
    /// Ended.
    Ended(EndState),
    /// Somewhere that only a newer version knows: left to its workers.
    Newer,
}

impl State {
    /// The name in tables and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Newer => "newer",
            Self::Sending => "sending",
            Self::Ended(end) => end.as_str(),
        }
    }
}

/// How a delivery ended. Final, except by a redrive (promise P4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndState {
    /// A provider took it.
    Accepted,
    /// It will not be tried again by itself.
    Dead,
    /// Its time had passed.
    Expired,
    /// Somebody called it off.
    Cancelled,
    /// Its address is on the suppression list.
    Suppressed,
    /// There was nothing to do: no route.
    NotNeeded,
    /// It may or may not have been sent, and is not sent again.
    OutcomeUnknown,
}

impl EndState {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Dead,
        Self::Expired,
        Self::Cancelled,
        Self::Suppressed,
        Self::NotNeeded,
        Self::OutcomeUnknown,
    ];

    /// The name in JSON, tables and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Suppressed => "suppressed",
            Self::NotNeeded => "not_needed",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }

    /// The place in [`EndState::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether a redrive may start a new generation.
    #[must_use]
    pub const fn can_be_redriven(self) -> bool {
        matches!(
            self,
            Self::Dead | Self::Expired | Self::Suppressed | Self::OutcomeUnknown
        )
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a delivery ended: a short word for tables, labels and filters. The history has the
        /// details.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
            /// Written by a newer version.
            Other(String),
        }

        impl Reason {
            /// The word.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for Reason {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$name,)*
                    _ => Self::Other(text),
                }
            }
        }
    };
}

reasons! {
    /// The provider took it.
    Sent = "sent",
    /// A receipt showed that it had been sent.
    Receipt = "receipt",
    /// The policy has no channel for it, or the recipient no address there.
    NoRoute = "no_route",
    /// An earlier recipient of its event has the same address.
    Repeated = "repeated",
    /// The address cannot be used.
    InvalidAddress = "invalid_address",
    /// A template is missing, failed, or used more than its share.
    RenderFailed = "render_failed",
    /// The rendered parts make no message.
    ComposeFailed = "compose_failed",
    /// What is stored cannot be read: it is damaged, or came broken from a bus.
    Unreadable = "unreadable",
    /// It came from a bus, and its key was used before with other content.
    Conflict = "conflict",
    /// The provider said that it will never take it.
    Refused = "refused",
    /// All attempts were used up.
    AttemptsExhausted = "attempts_exhausted",
    /// The provider asked to wait for longer than retries may take.
    RetryAfterTooLong = "retry_after_too_long",
    /// It took down, or made panic, whoever sent it, again and again.
    Poison = "poison",
    /// The time to send had passed.
    Expired = "expired",
    /// Somebody called it off.
    Cancelled = "cancelled",
    /// Its recipient was erased.
    Erased = "erased",
    /// What it was to say is a secret that is kept only until the event ends, and the event had ended.
    SecretGone = "secret_gone",
    /// The address is on the suppression list.
    Suppressed = "suppressed",
    /// No answer came, and it is sent at most once.
    NoAnswer = "no_answer",
    /// Another delivery of its event has reached the recipient.
    Reached = "reached",
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.as_str().to_owned()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
