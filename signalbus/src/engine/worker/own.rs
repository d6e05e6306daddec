//! Lineups of tenants whose provider has an account of their own: made when they are first seen.

use std::{collections::BTreeSet, sync::Arc};

use super::Worker;
use crate::{engine::providers::Lineup, name::TenantId, store::Ready};

/// How many such lineups there are at most: every one is looked at for every pick. The tenants beyond share the
/// lineup of everybody, and say nothing about it.
const MOST: usize = 256;

impl Worker {
    /// Gives a lineup to each tenant of what was read that has an account of its own, unless something of
    /// it is in hand for everybody's: then the next time.
    pub(super) fn tell_tenants_apart<'a>(&mut self, fetched: impl Iterator<Item = &'a Ready>) {
        if !self.lineups.iter().any(Lineup::has_own_accounts) {
            return;
        }
        let mut seen: BTreeSet<(usize, &TenantId)> = BTreeSet::new();
        for ready in fetched {
            if let Some(all) = self.scheduler.accounts().of_channel(&ready.channel) {
                seen.insert((all, &ready.tenant));
            }
        }
        for (all, tenant) in seen {
            if self.lineups.iter().filter(|of| of.is_made()).count() >= MOST {
                return;
            }
            let of_all = &self.lineups[all];
            if !of_all.has_own_accounts()
                || self.scheduler.accounts().has_own(all, tenant)
                || !of_all.route.has_account_of(tenant)
            {
                continue;
            }
            let route = Arc::clone(&of_all.route);
            if self.scheduler.add_tenant(all, tenant) {
                let share = self.shared.limiter.is_some();
                let mut lineup = Lineup::of_tenant(route, tenant, &*self.shared.clock, share);
                lineup.hold_as(&self.lineups[all]);
                self.lineups.push(lineup);
                self.lineups[all].tell_circuits();
                self.slots.one_lineup = false;
            }
        }
    }
}
