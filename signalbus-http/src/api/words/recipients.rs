use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signalbus_core::{
    Timestamp,
    directory::{Kept, RecipientProfile},
    event::Addresses,
};
use utoipa::ToSchema;

use super::{AddressesWord, page::next_name};

/// A recipient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecipientProfile)]
pub(crate) struct ProfileIn {
    /// What to call them.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Their language, as a BCP 47 tag.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub(crate) locale: Option<String>,
    /// Their time zone, as a name of the IANA database, such as `Europe/Berlin`.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub(crate) time_zone: Option<String>,
    /// What templates may use as `recipient.data`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub(crate) data: Option<Map<String, Value>>,
    /// Where they are reached on each channel, by channel name: an address, or several.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, AddressesWord>)]
    pub(crate) addresses: BTreeMap<String, Addresses>,
}

/// A recipient, and where they stand.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredRecipient)]
pub(crate) struct ProfileOut {
    /// The application's own id.
    id: String,
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Their language.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    /// Their time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    /// What templates may use as `recipient.data`.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Option<Object>)]
    data: Value,
    /// Where they are reached on each channel.
    #[schema(value_type = BTreeMap<String, AddressesWord>)]
    addresses: BTreeMap<String, Addresses>,
    /// For `If-Match`.
    revision: u64,
    /// When they were last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// A page of recipients.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProfileList {
    /// In the order of their ids.
    items: Vec<ProfileOut>,
    /// The next page begins behind this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl ProfileIn {
    pub(crate) fn into_profile(self) -> RecipientProfile {
        let mut profile = RecipientProfile::default();
        profile.name = self.name;
        profile.locale = self.locale;
        profile.time_zone = self.time_zone;
        profile.data = self.data.map_or(Value::Null, Value::Object);
        profile.addresses = self.addresses;
        profile
    }
}

impl ProfileOut {
    pub(crate) fn of(kept: Kept<RecipientProfile>) -> Self {
        Self {
            id: kept.name,
            name: kept.says.name,
            locale: kept.says.locale,
            time_zone: kept.says.time_zone,
            data: kept.says.data,
            addresses: kept.says.addresses,
            revision: kept.revision,
            changed_at: kept.changed_at,
        }
    }
}

impl ProfileList {
    pub(crate) fn of(kept: Vec<Kept<RecipientProfile>>, limit: u32) -> Self {
        let next = next_name(&kept, limit);
        Self {
            items: kept.into_iter().map(ProfileOut::of).collect(),
            next,
        }
    }
}
