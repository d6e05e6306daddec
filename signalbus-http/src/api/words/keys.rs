use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use signalbus_core::{
    Timestamp,
    directory::keys::{KeyRecord, Scope, Token},
};
use utoipa::ToSchema;

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
pub(crate) struct KeyIn {
    /// What it is for.
    #[schema(max_length = 200)]
    pub(crate) label: String,
    /// What it may do.
    #[schema(value_type = Vec<ScopeWord>, min_items = 1)]
    pub(crate) scopes: BTreeSet<Scope>,
    /// From when on it is refused.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
}

/// What a key may do.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Scope)]
#[expect(dead_code, reason = "for the document: the core's own type is read")]
pub(crate) enum ScopeWord {
    Publish,
    Read,
    Operate,
    Admin,
    Receipts,
}

/// What is known of a key. The key itself is not.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyOut {
    /// The public part.
    id: String,
    /// What it is for.
    label: String,
    /// What it may do.
    #[schema(value_type = Vec<ScopeWord>)]
    scopes: BTreeSet<Scope>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From when on it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Since when it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    used_at: Option<Timestamp>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyMade {
    /// The key itself: shown here and never again.
    token: String,
    /// What is known of it.
    key: KeyOut,
}

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// In the order of their ids.
    items: Vec<KeyOut>,
    /// The next page begins behind this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// How to rotate a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotateIn {
    /// How long the old one stays good, in seconds: a day unless said, 30 days at most.
    #[serde(default)]
    #[schema(maximum = 2592000)]
    pub(crate) overlap_seconds: Option<u32>,
}

impl KeyOut {
    pub(crate) fn of(record: KeyRecord) -> Self {
        Self {
            id: record.id,
            label: record.label,
            scopes: record.scopes,
            created_at: record.created_at,
            expires_at: record.expires_at,
            revoked_at: record.revoked_at,
            used_at: record.used_at,
        }
    }
}

impl KeyMade {
    pub(crate) fn of(token: &Token, record: KeyRecord) -> Self {
        Self {
            token: token.expose().to_owned(),
            key: KeyOut::of(record),
        }
    }
}

impl KeyList {
    pub(crate) fn of(records: Vec<KeyRecord>, limit: u32) -> Self {
        let full = records.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = records.last().filter(|_| full).map(|last| last.id.clone());
        Self {
            items: records.into_iter().map(KeyOut::of).collect(),
            next,
        }
    }
}
