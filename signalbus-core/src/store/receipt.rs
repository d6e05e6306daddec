use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    id::DeliveryId,
    name::{ProviderName, TenantId},
};

/// What a provider says about a message after it took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whose message it is said to be: a receipt never reaches another tenant's delivery.
    pub tenant: TenantId,
    /// Who says it.
    pub provider: ProviderName,
    /// Which message.
    pub target: ReceiptTarget,
    /// What is said.
    pub kind: ReceiptKind,
    /// The provider's own id of this statement, to recognise it when it comes again.
    pub id: String,
    /// When it happened, by the provider.
    pub occurred_at: Option<Timestamp>,
}

/// Which message a receipt is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReceiptTarget {
    /// Our own id, handed to the provider with the message.
    Delivery(DeliveryId),
    /// The provider's id, as in [`Sent::with_id`](crate::provider::Sent::with_id).
    Message(String),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal @ $rank:literal,)*) => {
        /// What a provider says. A receipt moves the ladder only upwards; the rest is kept as a
        /// fact.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum ReceiptKind {
            $($(#[$doc])* $name,)*
            /// Written by a newer version, or not understood: changes nothing.
            Other(String),
        }

        impl ReceiptKind {
            /// The word for it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// The rung on the ladder; zero for facts beside it.
            #[must_use]
            pub const fn rank(&self) -> u8 {
                match self {
                    $(Self::$name => $rank,)*
                    Self::Other(_) => 0,
                }
            }
        }

        impl From<String> for ReceiptKind {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$name,)*
                    _ => Self::Other(text),
                }
            }
        }
    };
}

kinds! {
    /// The provider will try again.
    Deferred = "deferred" @ 1,
    /// On its way.
    Sent = "sent" @ 2,
    /// Arrived.
    Delivered = "delivered" @ 3,
    /// Came back, possibly after it had arrived.
    Bounced = "bounced" @ 4,
    /// Marked as spam.
    Complained = "complained" @ 5,
    /// Opened: a fact beside the ladder.
    Opened = "opened" @ 0,
    /// Clicked: a fact beside the ladder.
    Clicked = "clicked" @ 0,
}

impl From<ReceiptKind> for String {
    fn from(kind: ReceiptKind) -> Self {
        kind.as_str().to_owned()
    }
}

/// What a receipt did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptEffect {
    /// Recorded, and the ladder moved up; an unknown outcome has become `accepted`.
    Advanced,
    /// Recorded as a fact: the ladder was there or higher already.
    Recorded,
    /// It was recorded before.
    Duplicate,
    /// No such message yet: kept for 72 hours and applied when the send is settled.
    Parked,
}
