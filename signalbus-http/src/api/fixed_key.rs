use std::{collections::BTreeSet, fmt};

use ring::digest::{SHA256, digest};
use signalbus_core::directory::keys::Scope;
use subtle::ConstantTimeEq;

/// A key of the host that its settings give, for programs without a directory. Any text may be one; the
/// longer and the more random, the better. It is changed by a restart, cannot be revoked, and may name any
/// tenant: where there is a directory, take its keys.
#[derive(Clone)]
pub struct FixedKey {
    name: String,
    /// Of its hash, so that comparing tells neither content nor length.
    digest: [u8; 32],
    scopes: BTreeSet<Scope>,
}

impl FixedKey {
    /// A key with these scopes. `name` stands for it in limits and histories.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        secret: &str,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        Self {
            name: name.into(),
            digest: hash(secret),
            scopes: scopes.into_iter().collect(),
        }
    }

    pub(super) fn is(&self, token: &str) -> bool {
        self.digest.ct_eq(&hash(token)).into()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn scopes(&self) -> &BTreeSet<Scope> {
        &self.scopes
    }
}

fn hash(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    bytes
}

impl fmt::Debug for FixedKey {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedKey")
            .field("name", &self.name)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
