use std::{collections::BTreeMap, fmt, net::SocketAddr};

use signalbus_core::TenantId;

/// An account of a tenant, with what is secret of it: what a provider is made of. `Debug` shows nothing secret.
pub struct OpenedAccount {
    pub(super) tenant: TenantId,
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) secrets: BTreeMap<String, String>,
}

/// Why no provider can be made of an account. It stands in the history of what waits for it, so it never quotes the
/// account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// This program knows no such kind of provider.
    #[error("this program does not send through this kind of provider")]
    UnknownProvider,
    /// It has no host, and this kind of provider has no usual one.
    #[error("it has no host, and this kind of provider needs one")]
    NoHost,
    /// Something secret is missing.
    #[error("it has no secret `{0}`")]
    NoSecret(&'static str),
    /// A value cannot be used.
    #[error("its `{0}` cannot be used")]
    Unusable(&'static str),
}

impl OpenedAccount {
    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// What the tenant calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of provider, such as `smtp`.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The name of its host, for TLS; look it up nowhere: connect to one of
    /// [`OpenedAccount::addresses`].
    ///
    /// # Errors
    /// When it has none.
    pub fn host(&self) -> Result<&str, AccountError> {
        self.host.as_deref().ok_or(AccountError::NoHost)
    }

    /// Its port, if the tenant has named one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Where its host is, as the guard has just found and allowed; empty for an account without a host.
    /// The ports are its own, or zero.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Something secret, by its name.
    ///
    /// # Errors
    /// When it is missing.
    pub fn secret(&self, name: &'static str) -> Result<&str, AccountError> {
        let found = self.secrets.get(name).map(String::as_str);
        found.ok_or(AccountError::NoSecret(name))
    }
}

impl fmt::Debug for OpenedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedAccount")
            .field("tenant", &self.tenant)
            .field("name", &self.name)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}
