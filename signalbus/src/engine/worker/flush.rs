//! What is to be written: by groups of lanes, each with one call of the store at a time, and one after
//! the other, as what comes later may rest on what came before.

use std::{mem, sync::Arc, time::Duration};

use foldhash::{HashMap, HashMapExt};
use futures::poll;
use tracing::Span;

use super::{
    News, Worker,
    claim::Claiming,
    write::{Answer, Batch, Doubt, Singly, Writer, Wrote},
};
use crate::{
    chain::Chain,
    clock::{Timestamp, later, until},
    id::EventId,
    mutant::Mutant,
    route::content::{BlobError, Content},
    store::{
        ClaimAnswer, EndState, LaneId, Next, Position, Ready, Reason, Refusal, Settle,
        SettleAnswer, State,
    },
    task::{self, Task},
};

/// Lanes that are written together.
#[derive(Default)]
pub(super) struct Group {
    /// What goes with the next call.
    pub(super) waiting: Batch,
    writing: Option<Writing>,
}

/// A call on its way.
struct Writing {
    /// Stopped when dropped.
    _task: Task,
    lanes: Vec<LaneId>,
    claims: usize,
}

impl Group {
    pub(super) fn is_idle(&self) -> bool {
        self.writing.is_none() && self.waiting.is_empty()
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Claims and results that are not written.
    pub(super) fn unwritten(&self) -> usize {
        let writing = self
            .writing
            .as_ref()
            .map_or(0, |writing| writing.lanes.len());
        writing + self.waiting.ready.len() + self.waiting.claiming.len()
    }

    /// Whether there is something to write, and nothing is being written.
    pub(super) fn may_begin(&self) -> bool {
        self.writing.is_none() && !self.waiting.is_empty()
    }

    /// How many are to be claimed, and for the store are still ready.
    pub(super) fn claims(&self) -> usize {
        let writing = self.writing.as_ref().map_or(0, |writing| writing.claims);
        writing + self.waiting.claiming.len()
    }

    /// Whether anything of a lane is still to be written.
    pub(super) fn is_busy(&self, lane: LaneId) -> bool {
        let writing = self.writing.iter().flat_map(|writing| &writing.lanes);
        let results = self.waiting.ready.iter().map(|ready| &ready.lane);
        let claims = self.waiting.claiming.iter().map(|one| &one.ready.lane);
        writing.chain(results).chain(claims).any(|of| *of == lane)
    }

    /// As much of what waits as fits into one call. Results go first: what is claimed may rest on them.
    fn next(&mut self, most: usize, spare: Batch) -> Batch {
        let mut batch = mem::replace(&mut self.waiting, spare);
        if batch.ready.len() > most {
            self.waiting.ready.extend(batch.ready.drain(most..));
            let settles = batch.flush.settles.drain(most..);
            self.waiting.flush.settles.extend(settles);
            self.waiting.claiming.append(&mut batch.claiming);
        } else if batch.claiming.len() > most {
            self.waiting.claiming.extend(batch.claiming.drain(most..));
        }
        let claims = batch.claiming.iter().map(Claiming::claim);
        batch.flush.claims.extend(claims);
        batch
    }
}

impl Worker {
    pub(super) fn group_of(&mut self, lane: LaneId) -> &mut Group {
        let groups = u64::try_from(self.groups.len()).unwrap_or(1);
        let mut of = lane.get();
        if Mutant::LanesMixed.is_active() {
            of = of.wrapping_add(self.in_flight.len() as u64);
        }
        let index = usize::try_from(of % groups).unwrap_or_default();
        &mut self.groups[index]
    }

    /// Begins to write what waits, where nothing is being written. Says whether there was any.
    pub(super) async fn flush(&mut self) -> bool {
        let mut any = false;
        for group in 0..self.groups.len() {
            if self.groups[group].may_begin() {
                any = true;
                self.begin(group).await;
            }
        }
        any
    }

    async fn begin(&mut self, group: usize) {
        let spare = self.room.batches.pop().unwrap_or_default();
        let batch = self.groups[group].next(self.shared.options.flush, spare);
        let claims = batch.claiming.len();
        let of_results = batch.ready.iter().map(|ready| ready.lane);
        let of_claims = batch.claiming.iter().map(|one| one.ready.lane);
        let lanes = of_results.chain(of_claims).collect();
        let writer = Writer {
            store: Arc::clone(&self.shared.store),
            clock: Arc::clone(&self.shared.clock),
            vitals: Arc::clone(&self.shared.vitals),
            leave_by: self.leave_by.subscribe(),
            lanes: self.lanes.all(),
        };
        self.written = true;
        let mut write = Box::pin(writer.write(group, batch));
        // A store in memory is done at once.
        if let std::task::Poll::Ready(wrote) = poll!(&mut write) {
            return self.wrote(wrote).await;
        }
        let inbox = Arc::clone(&self.inbox);
        let task = task::start(async move { inbox.put(News::Wrote(Box::new(write.await))) });
        self.groups[group].writing = Some(Writing {
            _task: task,
            lanes,
            claims,
        });
    }

    /// Takes over what the store answered, and starts what was claimed.
    pub(super) async fn wrote(&mut self, wrote: Wrote) {
        let Wrote {
            group,
            mut batch,
            answer,
            doubt,
            span,
            asked,
        } = wrote;
        self.groups[group].writing = None;
        self.written = true;
        match answer {
            Answer::Whole(flushed) => {
                self.heard(flushed.now, asked);
                self.crowd.wrote(self.monotonic().saturating_sub(asked));
                let settled = batch.ready.iter().zip(&batch.flush.settles);
                for ((ready, settle), answer) in settled.zip(flushed.settles) {
                    self.settled(ready, settle, answer, doubt, flushed.now);
                }
                self.start(batch.claiming.drain(..), flushed.claims, doubt, &span)
                    .await;
            }
            Answer::Singly(singly) => {
                if let Some(now) = singly.now {
                    self.heard(now, asked);
                }
                self.wrote_singly(&mut batch, singly, doubt, &span).await;
            }
            Answer::Late(error) => {
                tracing::error!(error = %Chain(&error), "results could not be written in time");
                for claiming in batch.claiming.drain(..) {
                    self.let_go(&claiming);
                }
                // They stay claimed: whoever owns the lane next finds them as interrupted.
                for ready in batch.ready.drain(..) {
                    self.forget(ready.position);
                }
            }
        }
        batch.clear();
        self.room.batches.push(batch);
    }

    async fn wrote_singly(&mut self, batch: &mut Batch, singly: Singly, doubt: Doubt, span: &Span) {
        let now = self.store_now();
        let settled = batch.ready.drain(..).zip(batch.flush.settles.drain(..));
        for ((ready, settle), answer) in settled.zip(singly.settles) {
            match answer {
                Ok(answer) => self.settled(&ready, &settle, answer, doubt, now),
                Err(error) => self.keep_unwritten(ready, settle, &error),
            }
        }
        let (mut claimed, mut answers) = (Vec::new(), Vec::new());
        for (claiming, answer) in batch.claiming.drain(..).zip(singly.claims) {
            match answer {
                Ok(answer) => {
                    claimed.push(claiming);
                    answers.push(answer);
                }
                Err(error) => self.set_aside(claiming, &error),
            }
        }
        self.start(claimed.into_iter(), answers, doubt, span).await;
    }

    /// The result of a delivery is written, or will never be: the store may offer it again. What is being
    /// read meanwhile was perhaps read before.
    pub(super) fn forget(&mut self, position: Position) {
        match &mut self.reading {
            Some(reading) => reading.settled.push(position),
            None => self.scheduler.settled(position),
        }
    }

    fn settled(
        &mut self,
        ready: &Ready,
        settle: &Settle,
        answer: SettleAnswer,
        doubt: Doubt,
        now: Timestamp,
    ) {
        self.forget(ready.position);
        match answer {
            SettleAnswer::LaneLost => self.lost(ready),
            SettleAnswer::Already if !doubt.0 => {}
            // Applied, or as good as that: while the lane is held, only its own result takes a
            // delivery out of its attempt.
            _ => {
                if let Next::End(state, reason) = &settle.next {
                    let age = until(ready.accepted_at, now);
                    let provider = settle.record.provider.as_ref();
                    self.count_end(ready, *state, reason, provider, age);
                }
                let due = match settle.next {
                    Next::Retry(wait) => later(now, wait),
                    Next::Later { until, .. } => until,
                    _ => now,
                };
                if due <= now && !matches!(settle.next, Next::End(..)) || ready.order.is_strict() {
                    self.asked_to_look = true;
                } else if due > now {
                    self.look_at(due);
                }
            }
        }
    }

    /// Something becomes due then.
    fn look_at(&mut self, due: Timestamp) {
        self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
        if let Some(reading) = &mut self.reading {
            reading.next_due = Some(reading.next_due.map_or(due, |next| next.min(due)));
        }
    }

    async fn start(
        &mut self,
        claiming: impl Iterator<Item = Claiming>,
        answers: Vec<ClaimAnswer>,
        doubt: Doubt,
        span: &Span,
    ) {
        let mut contents: HashMap<EventId, Result<Arc<Content>, Arc<BlobError>>> =
            HashMap::with_capacity(answers.len());
        let now = self.monotonic();
        for (claiming, answer) in claiming.zip(answers) {
            match answer {
                ClaimAnswer::Claimed(claimed) => {
                    let content = contents
                        .entry(claimed.event.id)
                        .or_insert_with(|| self.content(&claimed.event))
                        .clone();
                    self.send(claiming, claimed, content, (doubt, span), now);
                }
                ClaimAnswer::Refused(Refusal::Moved) if doubt.0 => {
                    let refusal = self.refused_before(&claiming.ready).await;
                    self.refused(&claiming, refusal);
                }
                ClaimAnswer::Refused(refusal) => self.refused(&claiming, refusal),
                ClaimAnswer::Later { until } => {
                    self.let_go(&claiming);
                    self.look_at(until);
                }
                // Also an answer of a newer store: whatever it means, nothing is sent.
                _ => {
                    self.let_go(&claiming);
                    self.lost(&claiming.ready);
                }
            }
        }
    }

    /// How a claim was refused by a call whose answer was lost: told by what the call wrote.
    async fn refused_before(&self, ready: &Ready) -> Refusal {
        let record = self.shared.store.delivery(&ready.tenant, ready.id).await;
        match record.ok().flatten() {
            Some(record) if record.generation == ready.generation => match record.state {
                State::Ended(EndState::Expired) => Refusal::Expired,
                State::Ended(EndState::Suppressed) => Refusal::Suppressed,
                State::Ended(EndState::NotNeeded) => Refusal::NotNeeded,
                State::Held => Refusal::Held,
                _ => Refusal::Moved,
            },
            _ => Refusal::Moved,
        }
    }

    fn refused(&mut self, claiming: &Claiming, refusal: Refusal) {
        self.let_go(claiming);
        let ready = &claiming.ready;
        let (state, reason) = match refusal {
            Refusal::Expired => (EndState::Expired, Reason::Expired),
            Refusal::Suppressed => (EndState::Suppressed, Reason::Suppressed),
            Refusal::NotNeeded => (EndState::NotNeeded, Reason::Reached),
            _ => return,
        };
        tracing::info!(
            event.id = %ready.event, delivery.id = %ready.id, channel = %ready.channel,
            state = state.as_str(), "the delivery ended at its claim"
        );
        self.count_end(ready, state, &reason, None, Duration::ZERO);
    }

    fn count_end(
        &self,
        ready: &Ready,
        state: EndState,
        reason: &Reason,
        provider: Option<&crate::name::ProviderName>,
        age: Duration,
    ) {
        self.shared.tenants.ended(&ready.tenant, state);
        let lineup = self.scheduler.accounts().of_channel(&ready.channel);
        let metrics = lineup.and_then(|lineup| self.lineups.get(lineup).map(|of| &of.metrics));
        match metrics {
            Some(metrics) if state == EndState::Accepted => metrics.accepted(age),
            Some(metrics) => metrics.ended(state, reason, provider),
            None => {}
        }
    }

    fn lost(&mut self, ready: &Ready) {
        tracing::warn!(lane = %ready.lane, "another worker owns the lane");
        self.lanes.lost(ready.lane);
        self.scheduler.forget_lanes(&[ready.lane]);
        self.next_renew = self.monotonic();
    }
}
