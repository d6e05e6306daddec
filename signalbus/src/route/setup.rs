use std::sync::Arc;

use super::{BreakerSettings, Guarantee, RetryPolicy, Route, TypedRoute};
use crate::{
    channel::Channel,
    name::{ChannelName, ProviderName},
    provider::Provider,
};

/// A channel, its providers in order of preference, and how it treats failure.
#[derive(Debug)]
pub struct ChannelSetup<C: Channel> {
    channel: C,
    providers: Vec<Arc<dyn Provider<C>>>,
    settings: RouteSettings,
}

/// How a channel treats failure.
#[derive(Debug, Clone, Default)]
pub(crate) struct RouteSettings {
    pub(crate) retry: RetryPolicy,
    pub(crate) guarantee: Guarantee,
    pub(crate) breaker: BreakerSettings,
}

impl<C: Channel> ChannelSetup<C> {
    /// A channel and the provider that is tried first.
    pub fn new(channel: C, provider: impl Provider<C>) -> Self {
        Self {
            channel,
            providers: vec![Arc::new(provider)],
            settings: RouteSettings::default(),
        }
    }

    /// A channel that others send: this process knows its addresses, options and templates, so that
    /// it can publish to it, and takes none of its deliveries.
    pub fn known(channel: C) -> Self {
        Self {
            channel,
            providers: Vec::new(),
            settings: RouteSettings::default(),
        }
    }

    /// Adds a provider that is used while those before it are paused.
    #[must_use]
    pub fn failover(mut self, provider: impl Provider<C>) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Sets when deliveries are tried again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Sets what follows an unknown outcome.
    #[must_use]
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.settings.guarantee = guarantee;
        self
    }

    /// Sets when a failing provider is left alone.
    #[must_use]
    pub fn breaker(mut self, settings: BreakerSettings) -> Self {
        self.settings.breaker = settings;
        self
    }

    pub(crate) fn erase(self) -> Result<Arc<dyn Route>, crate::name::NameError> {
        let name = ChannelName::new(C::NAME)?;
        let providers = self
            .providers
            .into_iter()
            .map(|provider| Ok((ProviderName::new(provider.name())?, provider)))
            .collect::<Result<_, _>>()?;
        Ok(Arc::new(TypedRoute {
            name,
            channel: self.channel,
            providers,
            settings: self.settings,
        }))
    }
}
