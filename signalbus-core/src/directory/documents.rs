use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Document, Kind};
use crate::{clock::Timestamp, event::Addresses};

/// A tenant; the host's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TenantProfile {
    /// What people call it.
    #[serde(default)]
    pub label: String,
    /// Whether it may not publish for the time being.
    #[serde(default)]
    pub suspended: bool,
    /// How much it may send.
    #[serde(default)]
    pub quota: Quota,
}

/// How much a tenant may send, counted in recipients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// In a day of UTC; none for as much as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u64>,
    /// In a month of UTC; none for as much as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_month: Option<u64>,
}

impl Document for TenantProfile {
    const KIND: Kind = Kind::Tenant;
}

/// A recipient whose addresses need not come with each event.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecipientProfile {
    /// What to call them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their language, as a BCP 47 tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Their time zone, as a name of the IANA database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// What templates may use as `recipient.data`.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Where they are reached on each channel, by channel name.
    #[serde(default)]
    pub addresses: BTreeMap<String, Addresses>,
}

impl fmt::Debug for RecipientProfile {
    /// Shows neither name nor address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientProfile")
            .field("locale", &self.locale)
            .field("channels", &self.addresses.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Document for RecipientProfile {
    const KIND: Kind = Kind::Recipient;
}

/// Sources of a template: parts by name, by locale.
pub type TemplateSources = BTreeMap<String, BTreeMap<String, String>>;

/// A template of a tenant, with its versions. It goes before the host's template of the same name while
/// one of them is published. Never removed, so that whoever follows templates sees it go.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateVersions {
    /// The versions that are kept, oldest first.
    #[serde(default)]
    pub versions: Vec<TemplateVersion>,
    /// The number of the one that is used; none for the host's template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<u32>,
}

/// One version of a template: it never changes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateVersion {
    /// Its number: they rise from one.
    pub number: u32,
    /// What it says.
    pub sources: TemplateSources,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who made it.
    pub made_by: String,
}

impl TemplateVersion {
    /// A version with this number.
    #[must_use]
    pub fn new(number: u32, sources: TemplateSources, made_at: Timestamp, made_by: String) -> Self {
        Self {
            number,
            sources,
            made_at,
            made_by,
        }
    }
}

impl TemplateVersions {
    /// One version.
    #[must_use]
    pub fn version(&self, number: u32) -> Option<&TemplateVersion> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }

    /// The version that is used, if one is.
    #[must_use]
    pub fn published(&self) -> Option<&TemplateVersion> {
        self.version(self.published?)
    }

    /// The number of the next one.
    #[must_use]
    pub fn next_number(&self) -> u32 {
        self.versions
            .last()
            .map_or(1, |version| version.number.saturating_add(1))
    }
}

impl fmt::Debug for TemplateVersions {
    /// Shows no source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateVersions")
            .field("versions", &self.versions.len())
            .field("published", &self.published)
            .finish()
    }
}

impl fmt::Debug for TemplateVersion {
    /// Shows no source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateVersion")
            .field("number", &self.number)
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}

impl Document for TemplateVersions {
    const KIND: Kind = Kind::Template;
}

/// An account at a provider. What is secret of it is sealed before it comes here.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProviderAccount {
    /// The channel it sends on.
    pub channel: String,
    /// The kind of provider, such as `smtp`.
    pub provider: String,
    /// The host it talks to, if it is not the provider's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What is secret, sealed.
    pub sealed: Value,
}

impl ProviderAccount {
    /// An account with the provider's usual host.
    #[must_use]
    pub fn new(channel: String, provider: String, sealed: Value) -> Self {
        Self {
            channel,
            provider,
            host: None,
            port: None,
            sealed,
        }
    }
}

impl fmt::Debug for ProviderAccount {
    /// Shows nothing that is sealed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderAccount")
            .field("channel", &self.channel)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl Document for ProviderAccount {
    const KIND: Kind = Kind::Account;
}
