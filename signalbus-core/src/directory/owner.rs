use std::fmt;

use crate::name::TenantId;

/// Whose an entry is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The host's: the list of tenants, and keys that reach all of them.
    Host,
    /// A tenant's.
    Tenant(TenantId),
}

impl Owner {
    /// How it is written in columns: empty for the host.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Host => "",
            Self::Tenant(tenant) => tenant.as_str(),
        }
    }

    /// The tenant, if it is one.
    #[must_use]
    pub const fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Host => None,
            Self::Tenant(tenant) => Some(tenant),
        }
    }

    /// Reads what [`Owner::as_str`] wrote.
    ///
    /// # Errors
    /// When it is neither empty nor a name that a tenant can have.
    pub fn parse(text: &str) -> Result<Self, crate::name::NameError> {
        match text {
            "" => Ok(Self::Host),
            tenant => TenantId::new(tenant).map(Self::Tenant),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the host"),
            Self::Tenant(tenant) => write!(f, "tenant {tenant}"),
        }
    }
}

impl From<TenantId> for Owner {
    fn from(tenant: TenantId) -> Self {
        Self::Tenant(tenant)
    }
}
