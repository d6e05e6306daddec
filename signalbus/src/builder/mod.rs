mod absent;
mod bus;
mod templates;
pub use bus::{BusSetup, WhenGone};

use std::{collections::BTreeMap, sync::Arc};

use self::absent::Absent;
use crate::{
    Wake,
    bell::Bell,
    bus::Bus,
    channel::Channel,
    clock::{Clock, SystemClock},
    engine::{self, EngineOptions, Metered, Shared, TenantRates, Tenants},
    entropy::Entropy,
    handle::Signalbus,
    id::IdSource,
    limit::Limiter,
    name::{ChannelName, NameError, TenantId, Topic},
    policy::{Policy, is_pattern},
    provider::{Provider, Rate},
    publish::{Planner, PublishLimits},
    route::{ChannelSetup, Guarantee, Route, fresh::Fresh},
    store::{MemoryStore, Shape, Store},
    template::{TemplateError, Templates},
};

/// Puts a [`Signalbus`] together. Setters never fail: what is wrong is said by
/// [`Builder::build`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    store: Option<Arc<dyn Store>>,
    without_store: bool,
    routes: Vec<Result<Arc<dyn Route>, NameError>>,
    templates: Templates,
    templates_later: bool,
    policy: Policy,
    limits: PublishLimits,
    options: EngineOptions,
    tenant_weights: BTreeMap<TenantId, u32>,
    tenant_rates: TenantRates,
    limiter: Option<Arc<dyn Limiter>>,
    others: Option<Wake>,
    clock: Option<Arc<dyn Clock>>,
    entropy: Entropy,
    buses: Vec<BusSetup>,
}

/// Why an engine could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No store was given.
    #[error(
        "no store: give one with Builder::store, MemoryStore::new() for a start; or say \
         Builder::without_store for a handle that only publishes to a bus or plans"
    )]
    NoStore,
    /// What needs a store was asked of a handle that is to have none.
    #[error("{0} needs a store, and the handle is to have none: leave Builder::without_store out")]
    NeedsStore(&'static str),
    /// A topic is read twice by one group.
    #[error("the topic {topic} is read twice by the group {group}: once is enough")]
    BusTwice {
        /// The topic.
        topic: Topic,
        /// The group.
        group: String,
    },
    /// What is rejected of a topic goes to a topic that is read, and would be rejected for ever.
    #[error("dead letters go to the topic {0}, which is read: give them a topic of their own")]
    DeadLettersRead(Topic),
    /// The name of a channel or provider cannot be used.
    #[error("the name of a channel or provider cannot be used")]
    Name(#[from] NameError),
    /// A channel has a name that this library keeps for itself.
    #[error(
        "channel {0}: names that begin with `signalbus.` are kept for channels of this library, \
             choose another"
    )]
    Reserved(ChannelName),
    /// Two channels have the same name.
    #[error("channel {0} is set up twice")]
    ChannelTwice(ChannelName),
    /// A channel has providers for some tenants or pools, and none for everybody else.
    #[error(
        "channel {0} has providers for some tenants or pools only: make it with ChannelSetup::new \
         and the provider of all others"
    )]
    OnlyAccounts(ChannelName),
    /// A rule needs what the store does not keep.
    #[error("{needs} needs a store that keeps the shape `{}`, and this one does not: take another store", .shape.as_str())]
    StoreLacks {
        /// What needs it.
        needs: &'static str,
        /// What is not kept.
        shape: Shape,
    },
    /// Two providers of one channel have the same name.
    #[error("channel {channel} has two providers named {provider}: give each its own name")]
    ProviderTwice {
        /// The channel.
        channel: ChannelName,
        /// The name.
        provider: String,
    },
    /// A rule of the policy is not a topic, a prefix with `.*`, or `*`.
    #[error("the policy's pattern {0:?} is not a topic, a prefix with `.*`, or `*`")]
    Pattern(String),
    /// A rule of the policy names a channel that is not set up.
    #[error("the policy sends {pattern:?} to channel {channel}, which is not set up")]
    UnknownChannel {
        /// The rule.
        pattern: String,
        /// The channel.
        channel: String,
    },
    /// A rule of the policy has no template that will do: every message of it would be dead at its first try.
    #[error(
        "the policy sends {pattern:?} to channel {channel}, but {problem}; Builder::templates_later says that \
         templates come later"
    )]
    Template {
        /// The rule.
        pattern: String,
        /// The channel.
        channel: ChannelName,
        /// What is wrong with the template.
        problem: TemplateError,
    },
    /// At most once needs claims that survive a crash.
    #[error("channel {0} is set to at most once, which needs a durable store")]
    NotDurable(ChannelName),
}

impl Signalbus {
    /// Starts to put one together.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Builder {
    fn new() -> Self {
        Self {
            store: None,
            without_store: false,
            routes: Vec::new(),
            templates: Templates::new(),
            templates_later: false,
            policy: Policy::new(),
            limits: PublishLimits::default(),
            options: EngineOptions::default(),
            tenant_weights: BTreeMap::new(),
            tenant_rates: TenantRates::default(),
            limiter: None,
            others: None,
            clock: None,
            entropy: Entropy::from_os(),
            buses: Vec::new(),
        }
    }

    /// The system of record.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// The system of record, shared.
    pub fn shared_store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// A store in memory: what it holds is lost with the process.
    pub fn in_memory(self) -> Self {
        self.store(MemoryStore::new())
    }

    /// No store: the handle publishes to a bus ([`Signalbus::publish_to_bus`]), plans and renders.
    /// Everything else answers that it is not supported.
    pub fn without_store(mut self) -> Self {
        self.without_store = true;
        self
    }

    /// A channel and the provider that sends its messages, with the defaults for failure.
    pub fn channel<C: Channel>(self, channel: C, provider: impl Provider<C>) -> Self {
        self.channel_setup(ChannelSetup::new(channel, provider))
    }

    /// A channel that other processes send; see [`ChannelSetup::known`].
    pub fn known_channel<C: Channel>(self, channel: C) -> Self {
        self.channel_setup(ChannelSetup::known(channel))
    }

    /// A channel with its providers and how it treats failure.
    pub fn channel_setup<C: Channel>(mut self, setup: ChannelSetup<C>) -> Self {
        self.routes.push(setup.erase());
        self
    }

    /// What messages are made from.
    pub fn templates(mut self, templates: Templates) -> Self {
        self.templates = templates;
        self
    }

    /// Templates come later, such as those of tenants ([`Signalbus::load_templates`]): the build does not ask whether
    /// there is one for each rule of the policy. A message without one is dead at its first try.
    pub fn templates_later(mut self) -> Self {
        self.templates_later = true;
        self
    }

    /// Which channels hear of a topic.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// How large an event may be.
    pub fn limits(mut self, limits: PublishLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How the engine shares its time and memory.
    pub fn options(mut self, options: EngineOptions) -> Self {
        self.options = options;
        self
    }

    /// How many deliveries of a tenant are sent for each one of another: one by default.
    pub fn tenant_weight(mut self, tenant: TenantId, weight: u32) -> Self {
        self.tenant_weights.insert(tenant, weight);
        self
    }

    /// How often deliveries of a tenant may start, over all channels; as often as they like by default.
    /// With [`Builder::limiter`] in all engines together, without in each.
    pub fn tenant_rate(mut self, tenant: TenantId, rate: Rate) -> Self {
        self.tenant_rates.own.insert(tenant, rate);
        self
    }

    /// The same for each tenant that has no rate of its own.
    pub fn each_tenant_rate(mut self, rate: Rate) -> Self {
        self.tenant_rates.each = Some(rate);
        self
    }

    /// Shares the rates of providers ([`Capabilities::rate`](crate::provider::Capabilities)) and of
    /// tenants with all engines that use the same limiter, such as one on Redis or Postgres. Without it
    /// each engine holds them for itself.
    ///
    /// Slots are reserved up to 100 ms ahead, for what waits to be sent, and given up when they are not
    /// used within 100 ms of their time. So that late ones do not add to a burst, the burst is used less
    /// what the rate allows in 100 ms: in no second start more than rate and burst together, or than 1.1
    /// times the rate and one where the burst is smaller. That counts when a delivery is claimed: how long
    /// its claim takes to be written comes between that and its send.
    ///
    /// While the limiter cannot answer nothing is sent that has a rate; wrap it in
    /// [`LocalShare`](crate::limit::LocalShare) to go on with a share of the rate.
    pub fn limiter(self, limiter: impl Limiter) -> Self {
        self.shared_limiter(Arc::new(limiter))
    }

    /// The same with one that is used elsewhere too.
    pub fn shared_limiter(mut self, limiter: Arc<dyn Limiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// Is woken when this process stored work: for engines of other processes, such as
    /// `RedisBell::ring`. What it loses is found at the next poll.
    pub fn tell_others(mut self, others: Wake) -> Self {
        self.others = Some(others);
        self
    }

    /// A bus to publish to and to read from: events published with
    /// [`Signalbus::publish_to_bus`] go to its `topic`, and this process's engine stores and
    /// sends what the `group` is given. For more, see [`Builder::bus_setup`].
    pub fn bus(self, bus: impl Bus, topic: &Topic, group: &str) -> Self {
        self.bus_setup(BusSetup::new(bus, topic).group(group))
    }

    /// A bus, and what of it this process publishes to and reads. May be said several times, to
    /// read several topics; events are published to the first.
    pub fn bus_setup(mut self, setup: BusSetup) -> Self {
        self.buses.push(setup);
        self
    }

    /// The clock; the operating system's by default.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Where chance comes from; the operating system by default.
    pub fn entropy(mut self, entropy: Entropy) -> Self {
        self.entropy = entropy;
        self
    }

    /// Checks everything and makes a handle that publishes. Nothing is sent until
    /// [`Signalbus::start`], here or in another process on the same store.
    ///
    /// # Errors
    /// Says what is missing or does not fit together.
    pub fn build(self) -> Result<Signalbus, BuildError> {
        let reads = |setup: &BusSetup| setup.group.is_some();
        let store: Arc<dyn Store> = match (self.store, self.without_store) {
            (Some(_), true) => return Err(BuildError::NeedsStore("Builder::store")),
            (Some(store), false) => store,
            (None, true) if self.buses.iter().any(reads) => {
                return Err(BuildError::NeedsStore("reading a bus"));
            }
            (None, true) => Arc::new(Absent),
            (None, false) => return Err(BuildError::NoStore),
        };
        check_buses(&self.buses)?;
        let mut routes = BTreeMap::new();
        for route in self.routes {
            let route = route?;
            check_route(&*route, &*store)?;
            if let Some(twice) = routes.insert(route.name().clone(), route) {
                return Err(BuildError::ChannelTwice(twice.name().clone()));
            }
        }
        check_policy(&self.policy, &routes)?;
        if !self.templates_later {
            templates::check(&self.policy, &routes, &self.templates)?;
        }
        if !self.without_store {
            check_shapes(&self.policy, &*store)?;
        }
        engine::metrics::describe();
        if self.limiter.is_some() {
            engine::metrics::describe_limits();
        }
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let entropy = Arc::new(self.entropy);
        let ids = IdSource::new(Arc::clone(&clock), Arc::clone(&entropy));
        let planner = Planner {
            routes,
            policy: self.policy,
            limits: self.limits,
            ids,
            one_address: !self.without_store && !store.features().has(Shape::Addresses),
        };
        let tenants = Arc::new(Tenants::new(self.options.tenant_metrics));
        let store = Metered::new(store, Arc::clone(&clock), Arc::clone(&tenants));
        let shared = Arc::new(Shared {
            store: Arc::new(store),
            tenants,
            planner,
            templates: self.templates,
            clock,
            entropy,
            options: self.options.checked(),
            tenant_weights: self.tenant_weights,
            tenant_rates: self.tenant_rates,
            limiter: self.limiter,
            bell: Arc::new(Bell::new(self.others)),
            fresh: Fresh::default(),
            vitals: Arc::default(),
        });
        Ok(Signalbus::new(shared, self.buses))
    }

    /// Builds, and starts the engine on the current tokio runtime.
    ///
    /// # Errors
    /// As [`Builder::build`].
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[expect(
        clippy::unused_async,
        reason = "tells in its type that it needs a runtime"
    )]
    pub async fn start(self) -> Result<Signalbus, BuildError> {
        if self.without_store {
            return Err(BuildError::NeedsStore("an engine"));
        }
        let signalbus = self.build()?;
        signalbus.start();
        Ok(signalbus)
    }
}

/// Names of channels that begin like this are this library's own.
const RESERVED: &str = "signalbus.";

fn check_buses(buses: &[BusSetup]) -> Result<(), BuildError> {
    for (index, setup) in buses.iter().enumerate() {
        let same = |other: &BusSetup| {
            other.group == setup.group
                && other.topic == setup.topic
                && other.bus.name() == setup.bus.name()
        };
        if let Some(group) = &setup.group
            && buses[..index].iter().any(same)
        {
            return Err(BuildError::BusTwice {
                topic: setup.topic.clone(),
                group: group.clone(),
            });
        }
        if let Some(letters) = &setup.dead_letters
            && buses.iter().any(|other| {
                other.group.is_some()
                    && other.topic == *letters
                    && other.bus.name() == setup.bus.name()
            })
        {
            return Err(BuildError::DeadLettersRead(letters.clone()));
        }
    }
    Ok(())
}

fn check_route(route: &dyn Route, store: &dyn Store) -> Result<(), BuildError> {
    let channel = route.name();
    if channel.as_str().starts_with(RESERVED) {
        return Err(BuildError::Reserved(channel.clone()));
    }
    let mut providers = route.providers();
    if providers.is_empty() && !route.accounts().is_empty() {
        return Err(BuildError::OnlyAccounts(channel.clone()));
    }
    let owned = route.accounts().iter();
    providers.extend(owned.flat_map(|(_, account)| account.providers()));
    for (index, (name, _)) in providers.iter().enumerate() {
        if providers[..index].iter().any(|(other, _)| other == name) {
            return Err(BuildError::ProviderTwice {
                channel: channel.clone(),
                provider: name.to_string(),
            });
        }
    }
    if route.settings().guarantee == Guarantee::AtMostOnce && !store.features().durable {
        return Err(BuildError::NotDurable(channel.clone()));
    }
    Ok(())
}

fn check_shapes(policy: &Policy, store: &dyn Store) -> Result<(), BuildError> {
    let pools = policy.rules().any(|(_, plan)| plan.pool.is_some());
    if pools && !store.features().has(Shape::Pool) {
        let needs = "a pool in the policy";
        return Err(BuildError::StoreLacks {
            needs,
            shape: Shape::Pool,
        });
    }
    Ok(())
}

fn check_policy(
    policy: &Policy,
    routes: &BTreeMap<ChannelName, Arc<dyn Route>>,
) -> Result<(), BuildError> {
    for (pattern, plan) in policy.rules() {
        if !is_pattern(&pattern) {
            return Err(BuildError::Pattern(pattern));
        }
        if let Some(channel) = plan
            .channels
            .iter()
            .find(|channel| !routes.contains_key(**channel))
        {
            return Err(BuildError::UnknownChannel {
                pattern,
                channel: (*channel).to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(all(test, feature = "email", feature = "sms"))]
mod tests;
