use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Addresses;

/// Who should hear of an event, by value: the addresses come with the event.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    /// The application's own id of the person; keeps the order of their messages when an address
    /// changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What to call them; channels also show it, as in `"Ada" <ada@example.org>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their language as a BCP 47 tag such as `pt-BR`; goes before the event's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// What templates may use as `recipient.data`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Where they are reached on each channel, by channel name.
    #[serde(default)]
    pub addresses: BTreeMap<String, Addresses>,
}

impl Recipient {
    /// A recipient without addresses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the application's own id of the person.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets what to call them.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets their language.
    #[must_use]
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.locale = Some(locale.into());
        self
    }

    /// Sets what templates may use as `recipient.data`.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }
}

impl fmt::Debug for Recipient {
    /// Shows neither name nor address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipient")
            .field("locale", &self.locale)
            .field("channels", &self.addresses.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
