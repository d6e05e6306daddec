use std::collections::HashMap;

use signalbus_core::name::TenantId;

use super::{DkimError, DkimKey, sign};

/// The keys of all tenants: mails are signed with those of their sender's domain.
///
/// A key signs for its domain and what is below it: with a key of `acme.test`, mail from
/// `news.acme.test` is signed too, and aligned in the relaxed way of DMARC (RFC 7489 section
/// 3.1.1). Keys of the exact domain win. A tenant's own keys win over those for all, and a tenant
/// never signs with another's.
///
/// ```
/// use signalbus_smtp::{DkimKey, DkimKeys};
///
/// # fn load(_: &str) -> String { String::new() }
/// # fn example() -> Result<(), signalbus_smtp::DkimError> {
/// let keys = DkimKeys::new()
///     .with(DkimKey::new("acme.test", "rsa2026", load("rsa.pem"))?)
///     .with(DkimKey::new("acme.test", "ed2026", load("ed25519.pem"))?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct DkimKeys {
    shared: Vec<DkimKey>,
    tenants: HashMap<TenantId, Vec<DkimKey>>,
}

impl DkimKeys {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key for the mails of all tenants. Several of one domain all sign.
    #[must_use]
    pub fn with(mut self, key: DkimKey) -> Self {
        self.shared.push(key);
        self
    }

    /// Adds a key for the mails of this tenant.
    #[must_use]
    pub fn with_tenant(mut self, tenant: TenantId, key: DkimKey) -> Self {
        self.tenants.entry(tenant).or_default().push(key);
        self
    }

    /// Puts signatures before a mail: one for each key of its sender's domain. Without keys the
    /// mail stays as it is.
    ///
    /// `mail` is a whole mail with CRLF line ends; `at` is in seconds since 1970.
    ///
    /// # Errors
    /// When a signature fails.
    pub fn sign(
        &self,
        tenant: &TenantId,
        from_domain: &str,
        mail: Vec<u8>,
        at: i64,
    ) -> Result<Vec<u8>, DkimError> {
        let keys = self.of(tenant, from_domain);
        if keys.is_empty() {
            return Ok(mail);
        }
        let mut signed = sign::signatures(&keys, &mail, at)?.into_bytes();
        signed.extend_from_slice(&mail);
        Ok(signed)
    }

    /// The keys for this domain: those of the longest domain it lies in.
    pub(crate) fn of(&self, tenant: &TenantId, domain: &str) -> Vec<&DkimKey> {
        let own = self.tenants.get(tenant).map(Vec::as_slice);
        [own.unwrap_or_default(), &self.shared]
            .into_iter()
            .map(|keys| closest(keys, domain))
            .find(|keys| !keys.is_empty())
            .unwrap_or_default()
    }
}

fn closest<'a>(keys: &'a [DkimKey], domain: &str) -> Vec<&'a DkimKey> {
    let covers = |key: &&DkimKey| {
        domain
            .strip_suffix(key.domain())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let longest = keys
        .iter()
        .filter(covers)
        .map(|key| key.domain().len())
        .max();
    keys.iter()
        .filter(covers)
        .filter(|key| Some(key.domain().len()) == longest)
        .collect()
}
