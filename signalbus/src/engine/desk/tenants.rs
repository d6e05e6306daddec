use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use super::Desk;
use crate::{
    engine::budget::Pacer,
    limit::{Limit, LimitKey},
    name::TenantId,
    provider::Rate,
};

/// How often deliveries of each tenant may start.
#[derive(Debug, Clone, Default)]
pub(crate) struct TenantRates {
    pub(crate) each: Option<Rate>,
    pub(crate) own: BTreeMap<TenantId, Rate>,
    /// In this process, when no limiter is shared.
    pacers: HashMap<TenantId, Pacer>,
}

/// Beyond this many tenants those that did nothing for a while are forgotten.
const MANY: usize = 10_000;

impl TenantRates {
    /// Whether any tenant has a rate.
    pub(crate) fn are_any(&self) -> bool {
        self.each.is_some() || !self.own.is_empty()
    }

    pub(crate) fn rate(&self, tenant: &TenantId) -> Option<Rate> {
        self.own.get(tenant).copied().or(self.each)
    }

    /// Whether a delivery of this tenant may start now.
    pub(crate) fn is_ready(&self, desk: &Desk, tenant: &TenantId, now: Duration) -> bool {
        if self.rate(tenant).is_none() {
            return true;
        }
        if desk.is_shared() {
            return desk.is_ready(&LimitKey::tenant(tenant), now);
        }
        let pacer = self.pacers.get(tenant);
        pacer.is_none_or(|pacer| pacer.ready_at() <= now)
    }

    /// One starts.
    pub(crate) fn start(&mut self, desk: &mut Desk, tenant: &TenantId, now: Duration) {
        let Some(rate) = self.rate(tenant) else {
            return;
        };
        if desk.is_shared() {
            desk.start(&LimitKey::tenant(tenant), now);
            return;
        }
        if self.pacers.len() >= MANY {
            self.pacers.retain(|_, pacer| pacer.ready_at() > now);
        }
        let pacer = self.pacers.entry(tenant.clone());
        pacer.or_insert_with(|| Pacer::new(Some(rate))).start(now);
    }

    /// How many of this tenant can start soon, of `waiting`.
    pub(crate) fn soon(&self, desk: &Desk, tenant: &TenantId, waiting: usize) -> usize {
        match self.rate(tenant) {
            Some(_) if desk.is_shared() => waiting.min(desk.in_hand(&LimitKey::tenant(tenant))),
            _ => waiting,
        }
    }

    /// Wants slots for what waits of a tenant.
    pub(crate) fn want(&self, desk: &mut Desk, tenant: &TenantId, waiting: usize, now: Duration) {
        if let Some(rate) = self.rate(tenant) {
            desk.want(&LimitKey::tenant(tenant), Limit::from(rate), waiting, now);
        }
    }

    /// When the next tenant may start one in this process.
    pub(crate) fn next_at(&self, now: Duration) -> Option<Duration> {
        let ready = self.pacers.values().map(Pacer::ready_at);
        ready.filter(|at| *at > now).min()
    }
}
