//! What to claim, and what becomes of claims that came to nothing.

use std::{mem, time::Duration};

use super::Worker;
use crate::{
    chain::Chain,
    engine::{
        breaker::Signal,
        providers::{Reservation, RoomNow},
        schedule::{Left, Picked},
    },
    name::TenantId,
    store::{Claim, Ready, StoreError},
};

/// How long a delivery is left alone that the store cannot claim.
const SET_ASIDE: Duration = Duration::from_secs(60);

/// A claim to write, and what it holds meanwhile.
pub(super) struct Claiming {
    pub(super) ready: Ready,
    pub(super) channel: usize,
    pub(super) reservation: Option<Reservation>,
    /// Whether nothing else is in flight.
    pub(super) alone: bool,
}

impl Claiming {
    pub(super) fn claim(&self) -> Claim {
        let mut claim = Claim::of(&self.ready);
        claim.alone = self.alone;
        claim
    }
}

impl Worker {
    /// Decides what to claim now: as much as there are slots, permits and room for.
    pub(super) fn claim(&mut self) {
        let now = self.monotonic();
        self.claim_expired();
        if self.alone || !self.lanes.are_safe(now) {
            return;
        }
        let suspects = self.suspects_wait(now);
        if !suspects || mem::take(&mut self.rest_first) {
            self.claim_rest(now);
        }
        // A suspect waits until nothing else is in flight; then the rest has its turn again.
        if suspects && self.claiming.is_empty() && self.in_flight.is_empty() {
            self.claim_suspect(now);
        }
        if self.in_flight.is_empty()
            && let [only] = self.claiming.as_mut_slice()
        {
            only.alone = true;
        }
    }

    fn suspects_wait(&mut self, now: Duration) -> bool {
        let mut room = RoomNow {
            lineups: &mut self.lineups,
            now,
        };
        self.scheduler.has_suspects() && self.scheduler.wants_alone(&mut room)
    }

    /// One suspect of a crash, to be tried alone.
    fn claim_suspect(&mut self, now: Duration) {
        let mut room = RoomNow {
            lineups: &mut self.lineups,
            now,
        };
        let Some(Picked { ready, channel }) = self.scheduler.pick_suspect(&mut room) else {
            return;
        };
        self.alone = true;
        self.rest_first = true;
        self.claiming.push(Claiming {
            reservation: self.lineups[channel].reserve(false, now),
            ready,
            channel,
            alone: false,
        });
    }

    /// Deliveries beyond suspicion, as many as there are slots for.
    fn claim_rest(&mut self, now: Duration) {
        let weights = &self.shared.tenant_weights;
        let weight = |tenant: &TenantId| weights.get(tenant).copied().unwrap_or(1);
        let options = &self.shared.options;
        let free = options.slots.saturating_sub(self.in_flight.len());
        for _ in 0..free.min(options.flush) {
            let mut room = RoomNow {
                lineups: &mut self.lineups,
                now,
            };
            let Some(Picked { ready, channel }) = self.scheduler.pick(&weight, &mut room) else {
                break;
            };
            self.claiming.push(Claiming {
                reservation: self.lineups[channel].reserve(ready.is_retry(), now),
                ready,
                channel,
                alone: false,
            });
        }
    }

    /// Deliveries whose time has passed while they waited for room: the store refuses their
    /// claims and ends them.
    fn claim_expired(&mut self) {
        let now = self.store_now();
        let expired = self.scheduler.take_expired(now);
        self.claiming
            .extend(expired.into_iter().filter_map(|ready| {
                let name = &ready.channel;
                let mut lineups = self.lineups.iter();
                Some(Claiming {
                    channel: lineups.position(|lineup| lineup.route.name() == name)?,
                    ready,
                    reservation: None,
                    alone: false,
                })
            }));
    }

    /// Gives back what a claim held that came to nothing: the store may offer it again.
    pub(super) fn let_go(&mut self, claiming: &Claiming) {
        self.give_back(claiming);
        self.scheduler.settled(claiming.ready.position);
    }

    /// Gives back what a claim held, but keeps its delivery in hand, so that the store's offers of
    /// it are ignored for a while.
    pub(super) fn set_aside(&mut self, claiming: &Claiming, error: &StoreError) {
        let ready = &claiming.ready;
        tracing::error!(
            error = %Chain(error), event.id = %ready.event, delivery.id = %ready.id,
            "a delivery could not be claimed; it is tried again in {SET_ASIDE:?}"
        );
        self.give_back(claiming);
        let until = self.monotonic() + SET_ASIDE;
        self.set_aside.push_back((until, ready.position));
    }

    fn give_back(&mut self, claiming: &Claiming) {
        let now = self.monotonic();
        if let Some(reservation) = claiming.reservation {
            // Of suspects only the one that is tried alone holds a slot.
            self.alone &= claiming.ready.suspicion == 0;
            self.lineups[claiming.channel].end(reservation, Signal::Neutral, now);
        }
        self.scheduler.release(&claiming.ready, Left::Done);
    }

    /// Lets the store offer again what was set aside long enough.
    pub(super) fn try_again_if_due(&mut self) {
        let now = self.monotonic();
        while let Some((_, position)) = self.set_aside.pop_front_if(|(due, _)| *due <= now) {
            self.scheduler.settled(position);
            self.asked_to_look = true;
        }
    }
}
