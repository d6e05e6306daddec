//! The providers of each channel: who has room, and how they do.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    engine::{
        breaker::{Breaker, Permit, Signal},
        budget::{Pacer, RetryBudget},
        desk::{Desk, TenantRates},
        files::FilePermits,
        metrics::{ChannelMetrics, ProviderMetrics},
        schedule::Room,
        worker::Slots,
    },
    event::Class,
    limit::{Limit, LimitKey},
    name::{ProviderName, TenantId},
    provider::Capabilities,
    route::{Owner, Route},
    store::{Pause, Ready},
};

/// One channel and its providers.
pub(crate) struct Lineup {
    pub(crate) route: Arc<dyn Route>,
    pub(crate) metrics: ChannelMetrics,
    budget: RetryBudget,
    providers: Vec<Member>,
    /// Made while the worker runs, for a tenant with an account of its own.
    tenant: Option<TenantId>,
}

struct Member {
    capabilities: Capabilities,
    breaker: Breaker,
    /// Its rate in this process, or the key under which it is shared with others.
    pace: Pace,
    in_flight: usize,
    /// Somebody paused it.
    held: bool,
    metrics: ProviderMetrics,
}

enum Pace {
    Own(Pacer),
    Shared(LimitKey, Limit),
}

impl Pace {
    fn is_ready(&self, desk: &Desk, now: Duration) -> bool {
        match self {
            Self::Own(pacer) => pacer.ready_at() <= now,
            Self::Shared(key, _) => desk.is_ready(key, now),
        }
    }

    fn start(&mut self, desk: &mut Desk, now: Duration) {
        match self {
            Self::Own(pacer) => pacer.start(now),
            Self::Shared(key, _) => desk.start(key, now),
        }
    }
}

/// A provider's slot that a delivery holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reservation {
    pub(crate) provider: usize,
    pub(crate) probe: bool,
}

impl Lineup {
    pub(crate) fn new(
        route: Arc<dyn Route>,
        owner: Option<&Owner>,
        clock: &dyn Clock,
        shared: bool,
    ) -> Self {
        let providers = route
            .providers()
            .into_iter()
            .map(|(name, capabilities)| Member {
                breaker: Breaker::new(route.settings().breaker.clone(), capabilities.concurrency),
                pace: match capabilities.rate {
                    Some(rate) if shared => {
                        Pace::Shared(key_of(&*route, &name, owner), Limit::from(rate))
                    }
                    rate => Pace::Own(Pacer::new(rate)),
                },
                in_flight: 0,
                held: false,
                metrics: ProviderMetrics::new(route.name(), &name),
                capabilities,
            })
            .collect();
        Self {
            metrics: ChannelMetrics::new(route.name()),
            budget: RetryBudget::new(clock.monotonic()),
            providers,
            route,
            tenant: None,
        }
    }

    /// The providers of everybody as they are for one tenant, with a breaker, a pace and a budget of its own.
    pub(crate) fn of_tenant(
        route: Arc<dyn Route>,
        tenant: &TenantId,
        clock: &dyn Clock,
        shared: bool,
    ) -> Self {
        let owner = (Some(tenant.clone()), None);
        Self {
            tenant: Some(tenant.clone()),
            ..Self::new(route, Some(&owner), clock, shared)
        }
    }

    /// Whether it was made for a tenant while the worker runs.
    pub(crate) fn is_made(&self) -> bool {
        self.tenant.is_some()
    }

    /// Whether a provider of it may have accounts of tenants' own.
    pub(crate) fn has_own_accounts(&self) -> bool {
        let mut members = self.providers.iter();
        members.any(|member| member.capabilities.own_accounts)
    }

    /// Whether what it sends for this tenant says nothing of how it does for others.
    pub(crate) fn is_anothers(&self, tenant: &TenantId) -> bool {
        self.tenant.is_none() && self.has_own_accounts() && self.route.has_account_of(tenant)
    }

    /// Tells how its breakers are: a lineup of a tenant's that was made has the same series.
    pub(crate) fn tell_circuits(&self) {
        for member in &self.providers {
            member.metrics.circuit(member.breaker.level());
        }
    }

    /// Leaves alone what the other one leaves alone because somebody paused it.
    pub(crate) fn hold_as(&mut self, other: &Self) {
        for (member, like) in self.providers.iter_mut().zip(&other.providers) {
            member.held = like.held;
        }
    }

    /// How many of its sends are on their way.
    pub(crate) fn in_flight(&self) -> usize {
        self.providers.iter().map(|member| member.in_flight).sum()
    }

    /// How long an answer may take, at the longest.
    pub(crate) fn answers_within(&self) -> Duration {
        let timeouts = self.providers.iter().map(|of| of.capabilities.timeout);
        timeouts.max().unwrap_or_default()
    }

    /// Whether there is more than one provider.
    pub(crate) fn has_others(&self) -> bool {
        self.providers.len() > 1
    }

    /// Takes a slot of the first provider that has one, by another than `not_by` if there is one.
    pub(crate) fn reserve(
        &mut self,
        retry: bool,
        not_by: Option<&ProviderName>,
        desk: &mut Desk,
        now: Duration,
    ) -> Option<Reservation> {
        let other = not_by.and_then(|not_by| self.other(not_by, desk, now));
        let (provider, permit) = other.or_else(|| self.available(desk, now))?;
        let member = &mut self.providers[provider];
        member.breaker.start(permit);
        member.pace.start(desk, now);
        member.in_flight += 1;
        if retry {
            self.budget.retry();
        } else {
            self.budget.first_try();
        }
        Some(Reservation {
            provider,
            probe: permit == Permit::Probe,
        })
    }

    /// Leaves those providers alone that are paused, and only those.
    pub(crate) fn heed(&mut self, pauses: &[Pause]) {
        let channel = self.route.name();
        for member in &mut self.providers {
            let provider = member.metrics.provider();
            let pause = pauses.iter().find(|pause| {
                let what = &pause.what;
                what.provider.as_ref() == Some(provider)
                    && what.channel.as_ref().is_none_or(|on| on == channel)
            });
            match pause {
                Some(pause) if !member.held => tracing::warn!(
                    %provider, %channel, actor = pause.actor, reason = pause.reason,
                    "the provider is paused"
                ),
                None if member.held => tracing::info!(%provider, %channel, "the provider goes on"),
                _ => {}
            }
            member.held = pause.is_some();
        }
    }

    /// Gives a slot back, with what was learned.
    pub(crate) fn end(&mut self, reservation: Reservation, signal: Signal, now: Duration) {
        let member = &mut self.providers[reservation.provider];
        member.in_flight = member.in_flight.saturating_sub(1);
        let before = member.breaker.level();
        member.breaker.end(signal, reservation.probe, now);
        let after = member.breaker.level();
        if before != after {
            // One series for each provider: what everybody's lineup has to say.
            if self.tenant.is_none() {
                member.metrics.circuit(after);
            }
            let tenant = self.tenant.as_ref().map(tracing::field::display);
            let provider = member.metrics.provider();
            let channel = self.route.name();
            let rests = member.breaker.opens_at();
            let rests = rests.map(|until| until.saturating_sub(now));
            match after {
                0 => tracing::info!(%provider, %channel, tenant, "the provider works again"),
                _ => tracing::warn!(
                    %provider, %channel, tenant, ?signal, ?rests, "the provider is left alone"
                ),
            }
        }
    }

    pub(crate) fn name(&self, provider: usize) -> Option<&ProviderName> {
        self.providers
            .get(provider)
            .map(|member| member.metrics.provider())
    }

    pub(crate) fn metrics_of(&self, provider: usize) -> Option<&ProviderMetrics> {
        self.providers.get(provider).map(|member| &member.metrics)
    }

    /// Whether a repeat of a delivery accepted this long ago is recognised. With a second provider
    /// it is not: a repeat may go there.
    pub(crate) fn recognise(&self, age: Duration) -> bool {
        match self.providers.as_slice() {
            [only] => only
                .capabilities
                .dedup_window
                .is_some_and(|window| age < window),
            _ => false,
        }
    }

    /// Whether a provider says when it starts a request.
    pub(crate) fn reports_start(&self, provider: usize) -> bool {
        self.providers
            .get(provider)
            .is_some_and(|member| member.capabilities.reports_start)
    }

    /// When it is worth asking again whether there is room.
    pub(crate) fn room_at(&self, now: Duration) -> Option<Duration> {
        self.providers
            .iter()
            .filter(|member| !member.held)
            .filter_map(|member| match member.breaker.opens_at() {
                Some(at) if at > now => Some(at),
                _ => match &member.pace {
                    Pace::Own(pacer) => Some(pacer.ready_at()).filter(|at| *at > now),
                    // The desk tells.
                    Pace::Shared(..) => None,
                },
            })
            .min()
    }

    pub(crate) fn report(&self) {
        self.metrics.retry_budget(self.budget.remaining());
    }

    /// A slot of the first provider that is not paused. That it is busy is no reason to use the
    /// next one.
    fn available(&self, desk: &Desk, now: Duration) -> Option<(usize, Permit)> {
        let (index, member, permit) = self.first(now)?;
        (member.is_free() && member.pace.is_ready(desk, now)).then_some((index, permit))
    }

    /// A slot of another provider than this one.
    fn other(&self, not_by: &ProviderName, desk: &Desk, now: Duration) -> Option<(usize, Permit)> {
        let mut members = self.providers.iter().enumerate();
        members.find_map(|(index, member)| {
            let may = member.metrics.provider() != not_by
                && !member.held
                && member.is_free()
                && member.pace.is_ready(desk, now);
            let permit = member.breaker.permit(now);
            // What failed before is not to speak for a provider that was down.
            (may && permit == Permit::Yes).then_some((index, permit))
        })
    }

    /// Wants slots of the first provider that is not paused, for as many as `waiting`.
    pub(crate) fn want(&self, desk: &mut Desk, waiting: usize, now: Duration) {
        if let Some((_, member, _)) = self.first(now)
            && let Pace::Shared(key, limit) = &member.pace
        {
            let free = member
                .capabilities
                .concurrency
                .saturating_sub(member.in_flight);
            desk.want(key, *limit, waiting.min(free), now);
        }
    }

    fn first(&self, now: Duration) -> Option<(usize, &Member, Permit)> {
        let mut members = self.providers.iter().enumerate();
        members.find_map(|(index, member)| {
            if member.held {
                return None;
            }
            let permit = member.breaker.permit(now);
            (permit != Permit::No).then_some((index, member, permit))
        })
    }
}

/// Under which a rate is shared: each account has its own.
fn key_of(route: &dyn Route, provider: &ProviderName, owner: Option<&Owner>) -> LimitKey {
    let channel = route.name();
    match owner {
        None => LimitKey::provider(channel, provider),
        Some((tenant, pool)) => {
            let pool = pool.as_ref().map(AsRef::as_ref);
            LimitKey::owned(channel, provider, tenant.as_ref(), pool)
        }
    }
}

impl Member {
    fn is_free(&self) -> bool {
        self.in_flight < self.capabilities.concurrency
    }
}

/// Answers the scheduler for one moment.
pub(crate) struct RoomNow<'a> {
    pub(crate) lineups: &'a mut [Lineup],
    pub(crate) slots: Slots,
    pub(crate) files: &'a mut FilePermits,
    pub(crate) desk: &'a Desk,
    pub(crate) tenants: &'a TenantRates,
    pub(crate) now: Duration,
}

impl Room for RoomNow<'_> {
    fn for_first(&mut self, channel: usize) -> bool {
        self.lineups
            .get(channel)
            .is_some_and(|lineup| lineup.available(self.desk, self.now).is_some())
    }

    fn for_retry(&mut self, channel: usize) -> bool {
        self.for_first(channel)
            && self
                .lineups
                .get_mut(channel)
                .is_some_and(|lineup| lineup.budget.allows(self.now))
    }

    fn for_files(&mut self, ready: &Ready) -> bool {
        self.files.allow(ready)
    }

    fn is_probing(&self, channel: usize) -> bool {
        self.lineups
            .get(channel)
            .and_then(|lineup| lineup.available(self.desk, self.now))
            .is_some_and(|(_, permit)| permit == Permit::Probe)
    }

    fn has_slot(&self, channel: usize, class: Class) -> bool {
        let lineup = self.lineups.get(channel);
        lineup.is_some_and(|lineup| self.slots.allow(lineup.in_flight(), class))
    }

    fn is_idle(&self, channel: usize) -> bool {
        let lineup = self.lineups.get(channel);
        lineup.is_some_and(|lineup| lineup.in_flight() == 0)
    }

    fn limits_tenants(&self) -> bool {
        self.tenants.are_any()
    }

    fn for_tenant(&self, tenant: &TenantId) -> bool {
        self.tenants.is_ready(self.desk, tenant, self.now)
    }
}
