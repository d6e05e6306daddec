use std::sync::Arc;

use super::{BreakerSettings, Guarantee, RetryPolicy, Route, TypedRoute};
use crate::{
    channel::Channel,
    name::{ChannelName, NameError, PoolName, ProviderName, TenantId},
    provider::Provider,
};

/// A channel, its providers in order of preference, and how it treats failure.
#[derive(Debug)]
pub struct ChannelSetup<C: Channel> {
    channel: C,
    providers: Providers<C>,
    accounts: Vec<(Owner, Providers<C>)>,
    settings: RouteSettings,
}

type Providers<C> = Vec<Arc<dyn Provider<C>>>;

/// Whose messages an account of its own sends: of a tenant, of a pool, or of both.
pub(crate) type Owner = (Option<TenantId>, Option<PoolName>);

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
            accounts: Vec::new(),
            settings: RouteSettings::default(),
        }
    }

    /// A channel that others send: this process knows its addresses, options and templates, so that
    /// it can publish to it, and takes none of its deliveries.
    pub fn known(channel: C) -> Self {
        Self {
            channel,
            providers: Vec::new(),
            accounts: Vec::new(),
            settings: RouteSettings::default(),
        }
    }

    /// Adds a provider that is used while those before it are paused.
    #[must_use]
    pub fn failover(mut self, provider: impl Provider<C>) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Sends the messages of this tenant through a provider of its own, with a breaker and a pace of
    /// its own: what goes wrong there is nobody else's matter. Said again for the same tenant, it adds
    /// one for while those before it are paused.
    #[must_use]
    pub fn for_tenant(self, tenant: TenantId, provider: impl Provider<C>) -> Self {
        self.account((Some(tenant), None), provider)
    }

    /// The same for a pool ([`Policy::pool`](crate::Policy::pool)), whichever tenant it is of.
    #[must_use]
    pub fn for_pool(self, pool: PoolName, provider: impl Provider<C>) -> Self {
        self.account((None, Some(pool)), provider)
    }

    /// The same for a pool of one tenant: it comes before what is said for either alone, and a tenant
    /// before a pool.
    #[must_use]
    pub fn for_tenant_pool(
        self,
        tenant: TenantId,
        pool: PoolName,
        provider: impl Provider<C>,
    ) -> Self {
        self.account((Some(tenant), Some(pool)), provider)
    }

    fn account(mut self, owner: Owner, provider: impl Provider<C>) -> Self {
        let provider: Arc<dyn Provider<C>> = Arc::new(provider);
        match self.accounts.iter_mut().find(|(of, _)| *of == owner) {
            Some((_, providers)) => providers.push(provider),
            None => self.accounts.push((owner, vec![provider])),
        }
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

    pub(crate) fn erase(self) -> Result<Arc<dyn Route>, NameError> {
        let name = ChannelName::new(C::NAME)?;
        let channel = Arc::new(self.channel);
        let route = |providers: Providers<C>, accounts| {
            let named = |provider: Arc<dyn Provider<C>>| {
                Ok((ProviderName::new(provider.name())?, provider))
            };
            Ok::<_, NameError>(TypedRoute {
                name: name.clone(),
                channel: Arc::clone(&channel),
                providers: providers.into_iter().map(named).collect::<Result<_, _>>()?,
                accounts,
                settings: self.settings.clone(),
            })
        };
        let mut accounts: Vec<(Owner, Arc<dyn Route>)> = Vec::with_capacity(self.accounts.len());
        for (owner, providers) in self.accounts {
            accounts.push((owner, Arc::new(route(providers, Vec::new())?)));
        }
        Ok(Arc::new(route(self.providers, accounts)?))
    }
}
