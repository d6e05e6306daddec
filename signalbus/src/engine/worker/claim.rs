//! What to claim, and what becomes of claims that came to nothing.

use std::{sync::Arc, time::Duration};

use super::{Worker, later::Later};
use crate::{
    chain::Chain,
    engine::{
        breaker::Signal,
        providers::{Reservation, RoomNow},
        schedule::{Left, Picked},
    },
    name::TenantId,
    store::{Claim, Ready, Settle, StoreError},
};

/// How long something is left alone that the store cannot write.
const SET_ASIDE: Duration = Duration::from_secs(60);

/// The same, if it cannot write it now.
const AWAY: Duration = Duration::from_secs(1);

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
    /// Decides what to claim now: as much as there are slots, permits and room for. Says whether there may be
    /// more.
    pub(super) fn claim(&mut self) -> bool {
        let now = self.monotonic();
        self.claim_expired();
        if !self.lanes.are_safe(now) {
            return false;
        }
        let shared = Arc::clone(&self.shared);
        let weights = &shared.tenant_weights;
        let weight = |tenant: &TenantId| weights.get(tenant).copied().unwrap_or(1);
        let mut room = RoomNow {
            lineups: &mut self.lineups,
            slots: self.slots,
            files: &mut self.files,
            desk: &self.desk,
            tenants: &self.tenant_rates,
            now,
        };
        self.scheduler.begin(&mut room);
        let idle = self.slots.used == 0;
        let mut last = None;
        let most = self.crowd.room(&self.groups, now).min(shared.options.flush);
        for _ in 0..most {
            let mut room = RoomNow {
                lineups: &mut self.lineups,
                slots: self.slots,
                files: &mut self.files,
                desk: &self.desk,
                tenants: &self.tenant_rates,
                now,
            };
            let Some(picked) = self.scheduler.pick(&weight, &mut room) else {
                last = last.filter(|_| idle && self.slots.used == 1);
                if let Some(lane) = last
                    && let Some(only) = self.group_of(lane).waiting.claiming.last_mut()
                {
                    only.alone = true;
                }
                return false;
            };
            last = Some(picked.ready.lane);
            self.crowd.picked(&picked.ready, now);
            self.take(picked, now);
        }
        // Until something is written there is no room for more.
        most == shared.options.flush
    }

    fn take(&mut self, picked: Picked, now: Duration) {
        let Picked {
            ready,
            channel,
            alone,
        } = picked;
        let reservation = self.reserve(&ready, channel, now);
        self.files.hold(&ready, reservation.is_some());
        self.group_of(ready.lane).waiting.claiming.push(Claiming {
            ready,
            channel,
            reservation,
            alone,
        });
    }

    /// Deliveries whose time has passed while they waited for room: the store refuses their
    /// claims and ends them.
    fn claim_expired(&mut self) {
        let now = self.store_now();
        for ready in self.scheduler.take_expired(now) {
            let Some(channel) = self.scheduler.accounts().of(&ready) else {
                continue;
            };
            self.group_of(ready.lane).waiting.claiming.push(Claiming {
                ready,
                channel,
                reservation: None,
                alone: false,
            });
        }
    }

    /// Gives back what a claim held that came to nothing: the store may offer it again.
    pub(super) fn let_go(&mut self, claiming: &Claiming) {
        self.give_back(claiming);
        self.forget(claiming.ready.position);
    }

    /// Gives back what a claim held, but keeps its delivery in hand, so that the store's offers of
    /// it are ignored for a while.
    pub(super) fn set_aside(&mut self, claiming: Claiming, error: &StoreError) {
        // What comes again in a moment keeps its place, and what nobody may ever claim holds up nothing.
        let wait = if error.is_transient() {
            AWAY
        } else {
            SET_ASIDE
        };
        // One that has expired is picked wherever it waits.
        let in_order = error.is_transient() && claiming.reservation.is_some();
        self.give_back_room(&claiming);
        if !in_order {
            self.scheduler.release(&claiming.ready, Left::Done);
        }
        let ready = claiming.ready;
        tracing::error!(
            error = %Chain(error), event.id = %ready.event, delivery.id = %ready.id,
            "a delivery could not be claimed; it is tried again in {wait:?}"
        );
        let until = self.monotonic().saturating_add(wait);
        let later = if in_order {
            Later::ClaimInOrder
        } else {
            Later::Claim
        };
        self.later.put(until, later(Box::new(ready)));
    }

    /// Keeps a result that the store does not take.
    pub(super) fn keep_unwritten(&mut self, ready: Ready, settle: Settle, error: &StoreError) {
        let wait = if error.is_transient() {
            AWAY
        } else {
            SET_ASIDE
        };
        tracing::error!(
            error = %Chain(error), event.id = %ready.event, delivery.id = %ready.id,
            "a result could not be written; it is tried again in {wait:?}. Should the process end before, it \
             is found as interrupted, and may be sent again"
        );
        let until = self.monotonic().saturating_add(wait);
        self.later
            .put(until, Later::Result(Box::new((ready, settle))));
    }

    fn give_back(&mut self, claiming: &Claiming) {
        self.give_back_room(claiming);
        self.scheduler.release(&claiming.ready, Left::Done);
    }

    fn give_back_room(&mut self, claiming: &Claiming) {
        let now = self.monotonic();
        if let Some(reservation) = claiming.reservation {
            self.files.give_back(&claiming.ready);
            self.end(
                &claiming.ready,
                claiming.channel,
                reservation,
                Signal::Neutral,
                now,
            );
        }
    }

    /// Tries again what was set aside long enough, unless its lane has another owner now.
    pub(super) fn try_again_if_due(&mut self, now: Duration) {
        while let Some(later) = self.later.take(now) {
            match later {
                // The store offers it only if it was not claimed after all.
                Later::Claim(ready) => {
                    self.scheduler.settled(ready.position);
                    if self.lanes.holds(ready.lane) {
                        self.scheduler.admit(*ready);
                    }
                }
                Later::ClaimInOrder(ready) if self.lanes.holds(ready.lane) => {
                    self.scheduler.again(*ready);
                }
                Later::ClaimInOrder(ready) => {
                    self.scheduler.settled(ready.position);
                    self.scheduler.release(&ready, Left::Done);
                }
                Later::Result(result) => {
                    let (ready, settle) = *result;
                    if self.lanes.owns(ready.lane) {
                        self.put(ready, settle);
                    } else {
                        self.forget(ready.position);
                    }
                }
            }
        }
    }
}
