use serde::{Deserialize, Serialize};

use super::AddressHash;
use crate::{
    clock::Timestamp,
    name::{ChannelName, TenantId},
};

/// An address that nothing is sent to, or nothing of a kind.
///
/// Tenant, channel, address and scope are its key: of two with one key the graver cause stays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suppression {
    /// Whose list; none for the list of all tenants.
    pub tenant: Option<TenantId>,
    /// On which channel.
    pub channel: ChannelName,
    /// The address, hashed.
    pub address: AddressHash,
    /// What is not sent.
    pub scope: Scope,
    /// Why.
    pub cause: Cause,
    /// The provider's code, where one said so.
    pub code: Option<String>,
    /// Since when, by whoever said so.
    pub as_of: Option<Timestamp>,
}

impl Suppression {
    /// Nothing at all is sent to this address.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        channel: ChannelName,
        address: AddressHash,
        cause: impl Into<Cause>,
    ) -> Self {
        Self {
            tenant: Some(tenant),
            channel,
            address,
            scope: Scope::default(),
            cause: cause.into(),
            code: None,
            as_of: None,
        }
    }

    /// For all tenants, not for one.
    #[must_use]
    pub fn for_all_tenants(mut self) -> Self {
        self.tenant = None;
        self
    }

    /// Only what is in this scope is not sent.
    #[must_use]
    pub fn within(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }
}

/// What a suppression keeps back. Each part that is set narrows it; the default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scope {
    /// Only what this sender sends: a telephone number, a messaging service, a sender's domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Only messages of this category, such as `newsletter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

impl Scope {
    /// Only what this sender sends.
    #[must_use]
    pub fn sender(sender: impl Into<String>) -> Self {
        Self {
            sender: Some(sender.into()),
            category: None,
        }
    }

    /// Only messages of this category.
    #[must_use]
    pub fn category(category: impl Into<String>) -> Self {
        Self {
            sender: None,
            category: Some(category.into()),
        }
    }

    /// Whether it covers a message of this sender and category. A sender that is not known could be
    /// the one; a message without a category is of none.
    #[must_use]
    pub fn covers(&self, sender: Option<&str>, category: Option<&str>) -> bool {
        let from_another = sender
            .zip(self.sender.as_deref())
            .is_some_and(|(is, of)| is != of);
        let of_another = self.category.is_some() && self.category.as_deref() != category;
        !from_another && !of_another
    }
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $text:literal @ $gravity:literal,)*) => {
        /// Why an address is suppressed, in a word.
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[$doc])* $name,)*
            /// An application's own word, or one of a newer version.
            Other(String),
        }

        impl Cause {
            /// The word for it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }

            /// How grave it is: the graver of two stays.
            #[must_use]
            pub const fn gravity(&self) -> u8 {
                match self {
                    $(Self::$name => $gravity,)*
                    Self::Other(_) => 1,
                }
            }
        }

        impl From<String> for Cause {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$name,)*
                    _ => Self::Other(text),
                }
            }
        }
    };
}

causes! {
    /// Somebody put it on the list.
    Manual = "manual" @ 1,
    /// The recipient asked for it.
    Unsubscribed = "unsubscribed" @ 2,
    /// The address does not exist, or takes nothing.
    Bounced = "bounced" @ 3,
    /// The recipient called a message spam.
    Complained = "complained" @ 4,
}

impl From<&str> for Cause {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.as_str().to_owned()
    }
}

/// What is taken off the suppression list: the entry with exactly this key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsuppress {
    /// Whose list; none for the list of all tenants.
    pub tenant: Option<TenantId>,
    /// On which channel.
    pub channel: ChannelName,
    /// The address, hashed.
    pub address: AddressHash,
    /// With which scope.
    pub scope: Scope,
    /// Only when it is there for this cause: who writes START takes back a STOP, not a complaint.
    pub only: Option<Cause>,
}

impl Unsuppress {
    /// The entry of a tenant that keeps everything back.
    #[must_use]
    pub fn new(tenant: TenantId, channel: ChannelName, address: AddressHash) -> Self {
        Self {
            tenant: Some(tenant),
            channel,
            address,
            scope: Scope::default(),
            only: None,
        }
    }

    /// The entry with this scope.
    #[must_use]
    pub fn within(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Only when it is there for this cause.
    #[must_use]
    pub fn only(mut self, cause: Cause) -> Self {
        self.only = Some(cause);
        self
    }
}

/// Whether something may be sent to an address: a question to the suppression list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Whose message it is.
    pub tenant: TenantId,
    /// On which channel.
    pub channel: ChannelName,
    /// The address, hashed.
    pub address: AddressHash,
    /// Who would send it.
    pub sender: Option<String>,
    /// Its category.
    pub category: Option<String>,
}

impl Listed {
    /// Asks about a message without sender or category.
    #[must_use]
    pub fn new(tenant: TenantId, channel: ChannelName, address: AddressHash) -> Self {
        Self {
            tenant,
            channel,
            address,
            sender: None,
            category: None,
        }
    }
}
