//! Slots under limits, for what this worker starts.

use std::time::Duration;

use super::Worker;
use crate::{
    engine::{breaker::Signal, memo::refused_by, providers::Reservation},
    event::Class,
    mutant::Mutant,
    store::Ready,
};

/// How many times what is free a lineup may have in flight, by class: so that one that hangs never takes
/// all slots, and urgent messages find some that others left.
const SHARES: [usize; 3] = [8, 4, 2];

/// The slots of a worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    pub(crate) all: usize,
    pub(crate) used: usize,
    /// Nobody else needs any.
    pub(crate) one_lineup: bool,
}

impl Slots {
    /// Whether a lineup may take another one that has taken so many.
    pub(crate) fn allow(self, taken: usize, class: Class) -> bool {
        let free = self.all.saturating_sub(self.used);
        let share = free.saturating_mul(SHARES[class.index()]);
        free > 0 && (self.one_lineup || taken < share || Mutant::SlotsForOne.is_active())
    }
}

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
        let lineup = &mut self.lineups[channel];
        let not_by = (ready.is_retry() && lineup.has_others()).then(|| refused_by(ready));
        let reserved = lineup.reserve(retry, not_by.flatten().as_ref(), &mut self.desk, now);
        if reserved.is_some() {
            self.slots.used += 1;
            self.tenant_rates.start(&mut self.desk, &ready.tenant, now);
        }
        reserved
    }

    /// Gives back what a delivery needed, with what was learned of its provider.
    pub(super) fn end(
        &mut self,
        ready: &Ready,
        channel: usize,
        reservation: Reservation,
        signal: Signal,
        now: Duration,
    ) {
        self.slots.used -= 1;
        if ready.suspicion > 0 {
            self.scheduler.suspect_ended(channel);
        }
        self.lineups[channel].end(reservation, signal, now);
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
