use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use signalbus_core::{
    TenantId, Timestamp,
    name::ChannelName,
    store::{AddressHash, Scope, Suppression, SuppressionFilter, SuppressionPlace},
};
use utoipa::{IntoParams, ToSchema};

use super::short;
use crate::api::problem::{Answer, Problem, Wrong};

/// Which entries of the suppression list, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuppressionQuery {
    /// On this channel.
    #[serde(default)]
    channel: Option<String>,
    /// For this cause: `manual`, `unsubscribed`, `bounced`, `complained`, or a word of yours.
    #[serde(default)]
    cause: Option<String>,
    /// On the list since this time or a later one: since `as_of`, where somebody said so.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// On the list since before this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    before: Option<Timestamp>,
    /// What the page before said as `next`.
    #[serde(default)]
    after: Option<String>,
    /// Lines of the page: 50 unless said, at most 200 unless the host allows more.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
}

/// An entry of the suppression list. The address itself is not kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SuppressionEntry)]
pub(crate) struct SuppressionLine {
    /// On which channel.
    channel: String,
    /// The hash of the address, in hexadecimal digits: entries of one address have the same.
    address_hash: String,
    /// Why.
    cause: String,
    /// The provider's code, where one said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Only what this sender sends is kept back.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    /// Only messages of this category are kept back.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// Since when, by whoever said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
}

/// A page of the suppression list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SuppressionList {
    /// By channel, and then by the hash of the address.
    items: Vec<SuppressionLine>,
    /// The next page begins behind this; none when this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl SuppressionQuery {
    /// The filter it says of this tenant.
    pub(crate) fn filter(&self, tenant: TenantId, limit: u32) -> Answer<SuppressionFilter> {
        let mut filter = SuppressionFilter::first(tenant, limit);
        filter.since_from = self.from;
        filter.since_before = self.before;
        if let Some(channel) = &self.channel {
            let channel = ChannelName::new(channel.as_str()).map_err(|error| {
                Problem::new(Wrong::Invalid, error.to_string()).field("channel")
            })?;
            filter = filter.channel(channel);
        }
        if let Some(cause) = short(self.cause.as_deref(), "cause")? {
            filter = filter.cause(cause);
        }
        if let Some(after) = &self.after {
            let place = read(after).ok_or_else(|| {
                Problem::new(
                    Wrong::Malformed,
                    "`after` is not what an earlier page said as `next`: begin without it",
                )
                .field("after")
            })?;
            filter = filter.after(place);
        }
        Ok(filter)
    }
}

impl SuppressionList {
    pub(crate) fn of(entries: Vec<Suppression>, limit: u32) -> Self {
        let full = entries.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = entries
            .last()
            .filter(|_| full)
            .map(|last| write(&last.place()));
        Self {
            items: entries.into_iter().map(SuppressionLine::of).collect(),
            next,
        }
    }
}

impl SuppressionLine {
    fn of(entry: Suppression) -> Self {
        Self {
            channel: entry.channel.into(),
            address_hash: entry
                .address
                .0
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            cause: entry.cause.into(),
            code: entry.code,
            sender: entry.scope.sender,
            category: entry.scope.category,
            as_of: entry.as_of,
        }
    }
}

/// A place, as `next` says it.
fn write(place: &SuppressionPlace) -> String {
    let parts = (place.channel.as_str(), place.address, &place.scope);
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&parts).unwrap_or_default())
}

fn read(next: &str) -> Option<SuppressionPlace> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(next).ok()?;
    let (channel, address, scope): (String, AddressHash, Scope) =
        serde_json::from_slice(&bytes).ok()?;
    Some(SuppressionPlace {
        channel: ChannelName::new(channel).ok()?,
        address,
        scope,
    })
}
