use super::{AddressHash, Cause, Scope, Suppression};
use crate::{
    clock::Timestamp,
    name::{ChannelName, TenantId},
};

/// Which entries of the suppression list of one tenant, and from where on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SuppressionFilter {
    /// Whose list. What stands on the list of all tenants is not on it.
    pub tenant: TenantId,
    /// Only on this channel.
    pub channel: Option<ChannelName>,
    /// Only of this address.
    pub address: Option<AddressHash>,
    /// Only for this cause.
    pub cause: Option<Cause>,
    /// Only what stands there since this time or a later one: as whoever said it told
    /// ([`Suppression::as_of`]), or since it was put there, by the store's clock.
    pub since_from: Option<Timestamp>,
    /// Only what stands there since before this time.
    pub since_before: Option<Timestamp>,
    /// Only behind this entry.
    pub after: Option<SuppressionPlace>,
    /// At most this many.
    pub limit: u32,
}

/// The place of an entry in the list of its tenant: by channel, address, sender and category.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SuppressionPlace {
    /// On which channel.
    pub channel: ChannelName,
    /// The address, hashed.
    pub address: AddressHash,
    /// What is not sent; a part that narrows nothing comes first.
    pub scope: Scope,
}

impl SuppressionFilter {
    /// The first entries of a tenant.
    #[must_use]
    pub const fn first(tenant: TenantId, limit: u32) -> Self {
        Self {
            tenant,
            channel: None,
            address: None,
            cause: None,
            since_from: None,
            since_before: None,
            after: None,
            limit,
        }
    }

    /// Only on this channel.
    #[must_use]
    pub fn channel(mut self, channel: ChannelName) -> Self {
        self.channel = Some(channel);
        self
    }

    /// Only of this address.
    #[must_use]
    pub fn address(mut self, address: AddressHash) -> Self {
        self.address = Some(address);
        self
    }

    /// Only for this cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<Cause>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Only behind this entry.
    #[must_use]
    pub fn after(mut self, place: SuppressionPlace) -> Self {
        self.after = Some(place);
        self
    }
}

impl Suppression {
    /// Its place in the list of its tenant.
    #[must_use]
    pub fn place(&self) -> SuppressionPlace {
        SuppressionPlace {
            channel: self.channel.clone(),
            address: self.address,
            scope: self.scope.clone(),
        }
    }
}
