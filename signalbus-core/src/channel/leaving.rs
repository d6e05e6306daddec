use crate::{name::TenantId, store::AddressHash};

/// Who would leave what by a link of their own.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Leaving<'a> {
    /// Whose messages.
    pub tenant: &'a TenantId,
    /// To which address.
    pub address: AddressHash,
    /// Of which category ([`Scope::category`](crate::store::Scope::category)): a message without
    /// one, such as a password reset, is nothing that one leaves.
    pub category: &'a str,
}

impl<'a> Leaving<'a> {
    /// Somebody at this address, and a category of a tenant's messages.
    #[must_use]
    pub const fn new(tenant: &'a TenantId, address: AddressHash, category: &'a str) -> Self {
        Self {
            tenant,
            address,
            category,
        }
    }
}
