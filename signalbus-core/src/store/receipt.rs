use serde::{Deserialize, Serialize};

use super::{AddressHash, Cause, Scope, Suppression};
use crate::{
    clock::Timestamp,
    id::DeliveryId,
    name::{ChannelName, ProviderName, TenantId},
};

/// What a provider says about a message after it took it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Whose message it is said to be: a receipt never reaches another tenant's delivery. None when
    /// it came to an account that serves all tenants.
    pub tenant: Option<TenantId>,
    /// Who says it.
    pub provider: ProviderName,
    /// Which message.
    pub target: ReceiptTarget,
    /// What is said.
    pub kind: ReceiptKind,
    /// The provider's own id of this statement, to recognise it when it comes again. Unique for
    /// tenant and provider.
    pub id: String,
    /// When it happened, by the provider.
    pub occurred_at: Option<Timestamp>,
    /// The rung on the channel's own ladder: that of the kind, unless the channel has another one.
    /// From two on it proves that the message was sent.
    pub rank: u8,
    /// The provider's code.
    pub code: Option<String>,
    /// What the provider said, without address or content.
    pub detail: Option<String>,
    /// Whether a bounce is for good.
    pub bounce: Option<Bounce>,
    /// Whether the address of the delivery is suppressed for it.
    pub suppress: Option<Suppress>,
}

impl Receipt {
    /// A receipt for a message of `tenant`.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        provider: ProviderName,
        target: ReceiptTarget,
        kind: ReceiptKind,
        id: impl Into<String>,
    ) -> Self {
        Self {
            tenant: Some(tenant),
            provider,
            target,
            rank: kind.rank(),
            kind,
            id: id.into(),
            occurred_at: None,
            code: None,
            detail: None,
            bounce: None,
            suppress: None,
        }
    }

    /// It came to an account that serves all tenants.
    #[must_use]
    pub fn for_any_tenant(mut self) -> Self {
        self.tenant = None;
        self
    }

    /// When it happened, by the provider.
    #[must_use]
    pub fn at(mut self, occurred_at: Timestamp) -> Self {
        self.occurred_at = Some(occurred_at);
        self
    }

    /// The address of the delivery is suppressed.
    #[must_use]
    pub fn suppressing(mut self, cause: impl Into<Cause>, scope: Scope) -> Self {
        let cause = cause.into();
        self.suppress = Some(Suppress { cause, scope });
        self
    }
}

/// Whether a bounce is for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bounce {
    /// The address does not exist, or will never take it.
    Hard,
    /// A full mailbox, a server that is away: later it may be taken.
    Soft,
}

/// What a receipt puts on the suppression list. The webhook does not know the address; the store
/// does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppress {
    /// Why.
    pub cause: Cause,
    /// What is not sent any more.
    #[serde(default)]
    pub scope: Scope,
}

impl Suppress {
    /// The entry of the suppression list that follows for the address of a delivery, from what the
    /// same receipt says of code and time.
    #[must_use]
    pub fn entry(
        self,
        tenant: TenantId,
        channel: ChannelName,
        address: AddressHash,
        code: Option<String>,
        as_of: Option<Timestamp>,
    ) -> Suppression {
        let mut entry = Suppression::new(tenant, channel, address, self.cause).within(self.scope);
        entry.code = code;
        entry.as_of = as_of;
        entry
    }
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
