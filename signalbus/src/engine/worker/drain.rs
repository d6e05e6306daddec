//! Leaving: what is in flight is finished, and the lanes are given up.

use std::time::Duration;

use super::{Group, Worker};
use crate::{
    chain::Chain,
    clock::until,
    route::Attempted,
    store::{LaneRequest, Position},
};

/// How long sends that are cut short may take to end.
const GRACE: Duration = Duration::from_secs(1);

impl Worker {
    /// Finishes what is in flight, up to the deadline, and gives all lanes up at once.
    pub(super) async fn drain(mut self) {
        let deadline = self.monotonic().saturating_add(self.shared.options.drain);
        let mut heard = Duration::ZERO;
        self.leave_by(deadline, &mut heard);
        tracing::info!(worker.id = %self.id, in_flight = self.in_flight.len(), "the engine leaves");
        self.claim_nothing_more();
        loop {
            self.collect().await;
            if self.monotonic() >= self.next_renew {
                self.renew(Vec::new()).await;
            }
            let now = self.monotonic();
            if !self.in_flight.is_empty() && now >= deadline {
                self.cut_short().await;
            }
            self.leave_by(deadline, &mut heard);
            if self.flush().await {
                continue;
            }
            if self.in_flight.is_empty() && self.groups.iter().all(Group::is_idle) {
                break;
            }
            let deadline = Some(deadline).filter(|deadline| now < *deadline);
            let pause = deadline
                .into_iter()
                .fold(self.next_renew, Duration::min)
                .saturating_sub(now);
            tokio::select! {
                biased;
                () = self.inbox.some() => {}
                () = self.shared.clock.sleep(pause) => {}
            }
        }
        let release = self.lanes.all().iter().map(|lease| lease.lane).collect();
        let request = LaneRequest {
            worker: self.id,
            lease: self.shared.options.lease,
            spaces: Vec::new(),
            release,
        };
        if let Err(error) = self
            .unless_leaving(self.shared.store.hold_lanes(request))
            .await
        {
            tracing::warn!(error = %Chain(&error), "lanes were not given up; they lapse with their leases");
        }
        tracing::info!(worker.id = %self.id, "the engine has left");
    }

    /// Lets go of what is not claimed yet, and tries a last time what the store did not take.
    fn claim_nothing_more(&mut self) {
        for group in 0..self.groups.len() {
            for claiming in std::mem::take(&mut self.groups[group].waiting.claiming) {
                self.let_go(&claiming);
            }
        }
        self.try_again_if_due(Duration::MAX);
    }

    /// The deadline of a shutdown has come: sends that run on are dropped.
    async fn cut_short(&mut self) {
        self.cut.cancel();
        let grace = self.monotonic().saturating_add(GRACE);
        while !self.in_flight.is_empty() {
            let left = grace.saturating_sub(self.monotonic());
            tokio::select! {
                biased;
                () = self.inbox.some() => self.collect().await,
                () = self.shared.clock.sleep(left) => break,
            }
        }
        self.collect().await;
        // Third-party code that does not come back.
        let mut cut: Vec<Position> = self.in_flight.keys().copied().collect();
        cut.sort_unstable();
        let now = self.monotonic();
        for position in cut {
            let Some(flight) = self.in_flight.get(&position) else {
                continue;
            };
            let reports = flight.reservation.is_some_and(|reservation| {
                self.lineups[flight.channel].reports_start(reservation.provider)
            });
            let unknown = !reports || flight.latch.is_set();
            let took = until(flight.claimed_at, self.store_at(now));
            let mut cut = Attempted::cut_short(unknown);
            cut.sending = Some(took);
            self.ended(position, cut, now);
        }
    }
}
