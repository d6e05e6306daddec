use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    clock::Timestamp,
    name::{ChannelName, ProviderName, TenantId, Topic},
};

/// What a pause holds back. Each part that is set narrows it; the default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Paused {
    /// Only of this tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Only of this topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// Only on this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// Only this provider is not used: another of the same lineup may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderName>,
}

impl Paused {
    /// Everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Only of this tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Only of this topic.
    #[must_use]
    pub fn topic(mut self, topic: Topic) -> Self {
        self.topic = Some(topic);
        self
    }

    /// Only on this channel.
    #[must_use]
    pub fn channel(mut self, channel: ChannelName) -> Self {
        self.channel = Some(channel);
        self
    }

    /// Only this provider is not used.
    #[must_use]
    pub fn provider(mut self, provider: ProviderName) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Whether a delivery must not be claimed. A pause of a provider holds none: who sends is decided
    /// later, by the engine.
    #[must_use]
    pub fn holds(&self, tenant: &TenantId, topic: &Topic, channel: &ChannelName) -> bool {
        self.provider.is_none()
            && self.tenant.as_ref().is_none_or(|of| of == tenant)
            && self.topic.as_ref().is_none_or(|of| of == topic)
            && self.channel.as_ref().is_none_or(|on| on == channel)
    }
}

/// In words: `tenant acme, channel email`, or `everything`.
impl fmt::Display for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |name: &str, word: Option<&str>| word.map(|word| format!("{name} {word}"));
        let parts: Vec<String> = [
            named("tenant", self.tenant.as_ref().map(AsRef::as_ref)),
            named("topic", self.topic.as_ref().map(AsRef::as_ref)),
            named("channel", self.channel.as_ref().map(AsRef::as_ref)),
            named("provider", self.provider.as_ref().map(AsRef::as_ref)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() {
            f.write_str("everything")
        } else {
            f.write_str(&parts.join(", "))
        }
    }
}

/// A pause that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pause {
    /// What it holds back; at most one pause has the same.
    pub what: Paused,
    /// Who paused it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// Since when, by the store's clock; whatever is asked for, the store sets it.
    pub since: Timestamp,
}

impl Pause {
    /// A pause that begins when it is stored.
    #[must_use]
    pub fn new(what: Paused, actor: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            what,
            actor: actor.into(),
            reason: reason.into(),
            since: Timestamp::UNIX_EPOCH,
        }
    }

    /// One that stands since then.
    #[must_use]
    pub fn since(mut self, since: Timestamp) -> Self {
        self.since = since;
        self
    }
}

/// What a release did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    /// How many deliveries wait to be sent again.
    pub released: u64,
    /// Whether the limit left some.
    pub more: bool,
}
