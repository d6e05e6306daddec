use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};

use crate::name::{ChannelName, ProviderName, TenantId};

/// Whose limit it is. Two keys of different kinds are never the same.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitKey(Arc<str>);

impl LimitKey {
    /// What a tenant may send.
    #[must_use]
    pub fn tenant(tenant: &TenantId) -> Self {
        Self(format!("tenant:{tenant}").into())
    }

    /// What a provider takes: all that is configured under this name.
    #[must_use]
    pub fn provider(channel: &ChannelName, provider: &ProviderName) -> Self {
        Self(format!("provider:{channel}:{provider}").into())
    }

    /// What a provider takes of the account of a tenant, or of a pool of messages.
    #[must_use]
    pub fn owned(
        channel: &ChannelName,
        provider: &ProviderName,
        tenant: Option<&TenantId>,
        pool: Option<&str>,
    ) -> Self {
        let tenant = tenant.map_or("", TenantId::as_str);
        let pool = pool.unwrap_or_default();
        Self(format!("provider:{channel}:{provider}:{tenant}:{pool}").into())
    }

    /// What a provider takes of one account. The account may be a secret: what is kept of it is a
    /// part of its SHA-256 hash.
    #[must_use]
    pub fn account(provider: &ProviderName, account: &str) -> Self {
        Self(format!("account:{provider}:{}", hashed(account)).into())
    }

    /// How often a caller may ask a route. Of the caller a part of the SHA-256 hash is kept.
    #[must_use]
    pub fn route(caller: &str, route: &str) -> Self {
        Self(format!("route:{}:{route}", hashed(caller)).into())
    }

    /// As text, for whoever keeps it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind: `tenant`, `provider`, `account` or `route`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LimitKey").field(&self.0).finish()
    }
}

fn hashed(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
