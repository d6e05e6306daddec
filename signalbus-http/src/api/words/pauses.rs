use serde::{Deserialize, Serialize};
use signalbus_core::{
    TenantId, Timestamp, Topic,
    name::{ChannelName, NameError, ProviderName},
    store::{Pause, Paused},
};
use utoipa::ToSchema;

use super::short;
use crate::api::problem::{Answer, Problem, Wrong};

/// What a pause of a tenant holds back. Each part that is there narrows it; none is everything.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PauseKey)]
pub(crate) struct PauseKey {
    /// Only of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// Only on this channel.
    #[serde(default)]
    channel: Option<String>,
}

/// A pause to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Pause)]
pub(crate) struct PauseIn {
    /// Only of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// Only on this channel.
    #[serde(default)]
    channel: Option<String>,
    /// Why: one line of 1 to 255 bytes, which the history of what is held shows.
    reason: String,
}

/// What a pause of the host holds back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HostPauseKey)]
pub(crate) struct HostPauseKey {
    /// Only of this tenant.
    #[serde(default)]
    tenant: Option<String>,
    /// Only of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// Only on this channel.
    #[serde(default)]
    channel: Option<String>,
    /// Only this provider is not used, for whomever; without tenant and topic.
    #[serde(default)]
    provider: Option<String>,
}

/// A pause of the host to begin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HostPause)]
pub(crate) struct HostPauseIn {
    /// Only of this tenant.
    #[serde(default)]
    tenant: Option<String>,
    /// Only of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// Only on this channel.
    #[serde(default)]
    channel: Option<String>,
    /// Only this provider is not used, for whomever; without tenant and topic.
    #[serde(default)]
    provider: Option<String>,
    /// Why: one line of 1 to 255 bytes, which the history of what is held shows.
    reason: String,
}

fn name<T: std::str::FromStr<Err = NameError>>(
    word: Option<&str>,
    field: &str,
) -> Answer<Option<T>> {
    let named = word.map(str::parse).transpose();
    named.map_err(|error: NameError| Problem::new(Wrong::Invalid, error.to_string()).field(field))
}

fn reason(word: &str) -> Answer<String> {
    Ok(short(Some(word), "reason")?.unwrap_or_default())
}

fn of_tenant(tenant: TenantId, topic: Option<&str>, channel: Option<&str>) -> Answer<Paused> {
    let mut what = Paused::everything().tenant(tenant);
    what.topic = name::<Topic>(topic, "topic")?;
    what.channel = name::<ChannelName>(channel, "channel")?;
    Ok(what)
}

impl PauseKey {
    /// Of this tenant, whatever is said.
    pub(crate) fn of(&self, tenant: TenantId) -> Answer<Paused> {
        of_tenant(tenant, self.topic.as_deref(), self.channel.as_deref())
    }
}

impl PauseIn {
    /// Of this tenant, whatever is said.
    pub(crate) fn of(&self, tenant: TenantId) -> Answer<(Paused, String)> {
        let what = of_tenant(tenant, self.topic.as_deref(), self.channel.as_deref())?;
        Ok((what, reason(&self.reason)?))
    }
}

impl HostPauseKey {
    pub(crate) fn what(&self) -> Answer<Paused> {
        let mut what = Paused::everything();
        what.tenant = name::<TenantId>(self.tenant.as_deref(), "tenant")?;
        what.topic = name::<Topic>(self.topic.as_deref(), "topic")?;
        what.channel = name::<ChannelName>(self.channel.as_deref(), "channel")?;
        what.provider = name::<ProviderName>(self.provider.as_deref(), "provider")?;
        if what.provider.is_some() && (what.tenant.is_some() || what.topic.is_some()) {
            let problem = "a pause of a provider holds for every tenant and topic: leave them out";
            return Err(Problem::new(Wrong::Invalid, problem).field("provider"));
        }
        Ok(what)
    }
}

impl HostPauseIn {
    pub(crate) fn what(self) -> Answer<(Paused, String)> {
        let reason = reason(&self.reason)?;
        let key = HostPauseKey {
            tenant: self.tenant,
            topic: self.topic,
            channel: self.channel,
            provider: self.provider,
        };
        Ok((key.what()?, reason))
    }
}

/// A pause that stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StandingPause)]
pub(crate) struct PauseOut {
    /// Only of this tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    /// Only of this topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    /// Only on this channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// Only this provider is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// Who paused it; not told of a pause of the host to a tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// Why.
    reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

impl PauseOut {
    fn of(pause: Pause, tells_who: bool) -> Self {
        let Paused {
            tenant,
            topic,
            channel,
            provider,
            ..
        } = pause.what;
        Self {
            tenant: tenant.map(Into::into),
            topic: topic.map(Into::into),
            channel: channel.map(Into::into),
            provider: provider.map(Into::into),
            actor: tells_who.then_some(pause.actor),
            reason: pause.reason,
            since: pause.since,
        }
    }
}

/// The pauses that stand, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PauseList {
    items: Vec<PauseOut>,
}

impl PauseList {
    /// What holds a tenant back: its own, and those of the host that touch it.
    pub(crate) fn of(pauses: Vec<Pause>, tenant: &TenantId) -> Self {
        let touch = pauses.into_iter().filter(|pause| {
            let whose = pause.what.tenant.as_ref();
            whose.is_none_or(|of| of == tenant)
        });
        let items = touch.map(|pause| {
            let its_own = pause.what.tenant.is_some();
            PauseOut::of(pause, its_own)
        });
        Self {
            items: items.collect(),
        }
    }

    /// All of them.
    pub(crate) fn all(pauses: Vec<Pause>) -> Self {
        let items = pauses.into_iter().map(|pause| PauseOut::of(pause, true));
        Self {
            items: items.collect(),
        }
    }
}

/// What the beginning of a pause did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PauseBegun {
    /// Whether it is new; one that stood before keeps its reason and time.
    pub(crate) new: bool,
}

/// What the end of a pause did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PauseEnded {
    /// Whether there was such a pause.
    pub(crate) ended: bool,
    /// How many deliveries wait to be sent again.
    pub(crate) released: u64,
}
