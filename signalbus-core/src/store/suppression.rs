use super::AddressHash;
use crate::name::{ChannelName, TenantId};

/// An address that nothing is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    /// Whose list.
    pub tenant: TenantId,
    /// On which channel.
    pub channel: ChannelName,
    /// The address, hashed.
    pub address: AddressHash,
    /// Why, in a word such as `bounced` or `manual`.
    pub reason: String,
}
