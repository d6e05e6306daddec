//! Slots under limits, for what this worker starts.

use std::time::Duration;

use super::Worker;
use crate::{engine::providers::Reservation, store::Ready};

impl Worker {
    /// Takes what a delivery needs to start: a slot of its provider, and of its tenant.
    pub(super) fn reserve(
        &mut self,
        ready: &Ready,
        channel: usize,
        now: Duration,
    ) -> Option<Reservation> {
        // A suspect of a crash is tried as one that was never tried.
        let retry = ready.is_retry() && ready.suspicion == 0;
        let reserved = self.lineups[channel].reserve(retry, &mut self.desk, now);
        if reserved.is_some() {
            self.tenant_rates.start(&mut self.desk, &ready.tenant, now);
        }
        reserved
    }

    /// Asks for slots for what waits, so that they are there in time.
    pub(super) fn ask_for_slots(&mut self) {
        if !self.desk.is_shared() {
            return;
        }
        let now = self.monotonic();
        let (rates, desk) = (&self.tenant_rates, &mut self.desk);
        if rates.are_any() {
            for (tenant, waiting) in self.scheduler.tenants() {
                rates.want(desk, tenant, waiting, now);
            }
        }
        for (channel, lineup) in self.lineups.iter().enumerate() {
            let waiting = {
                let soon = |tenant: &_, waiting| rates.soon(desk, tenant, waiting);
                let soon = rates.are_any().then_some(&soon as &dyn Fn(&_, _) -> _);
                self.scheduler.waiting(channel, soon)
            };
            if waiting > 0 {
                lineup.want(desk, waiting, now);
            }
        }
        desk.ask(now);
    }
}
