use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::{
    clock::Timestamp,
    directory::{Entry, Owner},
    store::{StoreError, StoreErrorKind},
};

/// What is known of a key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyRecord {
    /// The public part.
    pub id: String,
    /// Whose it is. One of the host reaches all tenants.
    pub owner: Owner,
    /// What it is for, in the words of who made it.
    pub label: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    pub used_at: Option<Timestamp>,
    /// For the next change.
    pub revision: u64,
    pub(super) hash: [u8; 32],
}

/// What is kept of it.
#[derive(Serialize, Deserialize)]
struct Body {
    label: String,
    scopes: BTreeSet<Scope>,
    /// Hexadecimal.
    hash: String,
    created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

impl KeyRecord {
    /// Whether it may be used at this time.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    pub(super) fn body(&self) -> Result<serde_json::Value, StoreError> {
        let body = Body {
            label: self.label.clone(),
            scopes: self.scopes.clone(),
            hash: self.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            created_at: self.created_at,
            expires_at: self.expires_at,
            revoked_at: self.revoked_at,
        };
        serde_json::to_value(body).map_err(|source| {
            StoreError::new(StoreErrorKind::Invalid, "a key cannot be written").with_source(source)
        })
    }

    pub(super) fn of(entry: Entry) -> Result<Self, StoreError> {
        let corrupt = || StoreError::new(StoreErrorKind::Corrupt, "a key cannot be read");
        let body: Body =
            serde_json::from_value(entry.body).map_err(|source| corrupt().with_source(source))?;
        let mut hash = [0; 32];
        if body.hash.len() != 64 || !body.hash.is_ascii() {
            return Err(corrupt());
        }
        for (place, byte) in hash.iter_mut().enumerate() {
            let digits = body
                .hash
                .get(place * 2..place * 2 + 2)
                .ok_or_else(corrupt)?;
            *byte =
                u8::from_str_radix(digits, 16).map_err(|source| corrupt().with_source(source))?;
        }
        Ok(Self {
            id: entry.name,
            owner: entry.owner,
            label: body.label,
            scopes: body.scopes,
            created_at: body.created_at,
            expires_at: body.expires_at,
            revoked_at: body.revoked_at,
            used_at: entry.used_at,
            revision: entry.revision,
            hash,
        })
    }
}

impl fmt::Debug for KeyRecord {
    /// Shows no hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord")
            .field("id", &self.id)
            .field("owner", &self.owner)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
