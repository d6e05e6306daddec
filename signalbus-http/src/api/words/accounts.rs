use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use signalbus_core::{
    Timestamp,
    directory::{Kept, ProviderAccount},
};
use utoipa::ToSchema;

use super::page::next_name;
use crate::api::problem::{Answer, Problem, Wrong};

/// An account at a provider. What is secret of it is sealed, and never read back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccount)]
pub(crate) struct AccountIn {
    /// The channel it sends on.
    pub(crate) channel: String,
    /// The kind of provider, such as `smtp`.
    pub(crate) provider: String,
    /// The host it talks to, if it is not the provider's usual one. It must be one of the internet.
    #[serde(default)]
    #[schema(max_length = 253)]
    pub(crate) host: Option<String>,
    /// Its port: 443 unless said.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 65535)]
    pub(crate) port: Option<u16>,
    /// What is secret, by name: `password`, `api_key`. At most 16 KiB.
    secret: BTreeMap<String, String>,
}

/// An account, without what is secret of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountOut {
    /// Its name.
    name: String,
    /// The channel it sends on.
    channel: String,
    /// The kind of provider.
    provider: String,
    /// The host it talks to.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// For `If-Match`.
    revision: u64,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountList {
    /// In the order of their names.
    items: Vec<AccountOut>,
    /// The next page begins behind this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The most bytes of what is secret.
const LONGEST_SECRET: usize = 16 * 1024;

impl AccountIn {
    /// What is secret, as it is sealed.
    pub(crate) fn secret_bytes(&self) -> Answer<Vec<u8>> {
        let bytes = serde_json::to_vec(&self.secret).unwrap_or_default();
        if self.secret.is_empty() || bytes.len() > LONGEST_SECRET {
            return Err(Problem::new(
                Wrong::Invalid,
                "must have a value, and at most 16 KiB as JSON",
            )
            .field("secret"));
        }
        Ok(bytes)
    }
}

impl AccountOut {
    pub(crate) fn of(kept: Kept<ProviderAccount>) -> Self {
        Self {
            name: kept.name,
            channel: kept.says.channel,
            provider: kept.says.provider,
            host: kept.says.host,
            port: kept.says.port,
            revision: kept.revision,
            changed_at: kept.changed_at,
        }
    }
}

impl AccountList {
    pub(crate) fn of(kept: Vec<Kept<ProviderAccount>>, limit: u32) -> Self {
        let next = next_name(&kept, limit);
        Self {
            items: kept.into_iter().map(AccountOut::of).collect(),
            next,
        }
    }
}
