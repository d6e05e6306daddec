//! Writing claims and results, and starting what was claimed.

use std::{iter, mem, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use foldhash::{HashMap, HashMapExt};
use futures::FutureExt;
use serde_json::Value;
use tracing::Instrument;

use super::{InFlight, Phase, Shared, Worker, claim::Claiming};
use crate::{
    chain::Chain,
    clock::{Timestamp, later, until},
    engine::{
        memo::{doubt_of, known_since},
        providers::Reservation,
    },
    event::Recipient,
    id::EventId,
    provider::Latch,
    route::{
        Attempted, Job, Unsendable,
        content::{BlobError, Content},
        recipient,
    },
    store::{
        ClaimAnswer, Claimed, EndState, Flush, Flushed, LaneLease, Next, Ready, Reason, Refusal,
        Settle, SettleAnswer, State, StoreError, StoreErrorKind, StoredEvent,
    },
    task,
};

/// How long an event of a newer version waits for a newer worker.
const NEWER_VERSION: Duration = Duration::from_secs(60);

/// Whether an earlier call of the same flush may have been written, and its answer was lost.
#[derive(Debug, Clone, Copy)]
struct Doubt(bool);

/// What came of an event of which a part cannot be read.
fn unreadable(event: &StoredEvent, error: &BlobError) -> Attempted {
    match error {
        BlobError::Newer(_) => Attempted::returned(NEWER_VERSION, &error.to_string()),
        BlobError::Broken(_) if event.content.is_empty() => {
            Attempted::unsendable(Unsendable::Erased, "its recipients were erased".to_owned())
        }
        BlobError::Broken(_) => Attempted::unsendable(Unsendable::Unreadable, error.to_string()),
    }
}

/// The recipient, unless the content has it, and the secret.
fn own_parts(
    claimed: &Claimed,
    content: &Content,
) -> Result<(Option<Recipient>, Option<Value>), BlobError> {
    let own = match &claimed.own {
        Some(own) if content.to.is_empty() => Some(recipient::decode(own)?),
        _ => None,
    };
    let secret = claimed.secret.as_deref().map(serde_json::from_slice);
    Ok((own, secret.transpose()?))
}

/// How long a delivery waits whose files could not be read.
const FILES_AWAY: Duration = Duration::from_secs(1);

/// Puts the files of its event into a job. What was claimed with files is not sent without.
async fn with_files(shared: &Shared, job: &mut Job) -> Result<(), Attempted> {
    let event = &job.event;
    let cut = Arc::clone(&job.cut);
    let files = tokio::select! {
        biased;
        files = shared.store.files(&event.tenant, event.id) => files,
        () = cut.cancelled() => return Err(Attempted::cut_short(false)),
    };
    match files {
        Ok(files) if files.is_empty() => Err(Attempted::unsendable(
            Unsendable::Erased,
            "its files were erased".to_owned(),
        )),
        Ok(files) => {
            job.files = files;
            Ok(())
        }
        Err(error) if error.is_transient() => {
            Err(Attempted::returned(FILES_AWAY, &Chain(&error).to_string()))
        }
        Err(error) => Err(Attempted::unsendable(
            Unsendable::Unreadable,
            format!("its files cannot be read: {}", Chain(&error)),
        )),
    }
}

impl Worker {
    /// Writes results and claims, and starts what was claimed.
    pub(super) async fn flush(&mut self) {
        let spare = mem::take(&mut self.room.results);
        let mut results = mem::replace(&mut self.results, spare);
        let mut claiming = mem::take(&mut self.claiming);
        let flush = &mut results.flush;
        flush.claims.extend(claiming.iter().map(Claiming::claim));
        let lanes = self.lanes.all();
        self.written = true;
        let mut doubt = Doubt(false);
        match self.write(&lanes, &results.flush, &mut doubt).await {
            Ok(flushed) => {
                self.heard(flushed.now);
                let settled = results.ready.iter().zip(&results.flush.settles);
                for ((ready, settle), answer) in settled.zip(flushed.settles) {
                    self.written(ready, settle, answer, doubt, flushed.now);
                }
                self.start(claiming.drain(..), flushed.claims, doubt).await;
            }
            // Only when the time of a shutdown is up.
            Err(error) if error.is_transient() => {
                tracing::error!(error = %Chain(&error), "results could not be written in time");
                for claiming in claiming.drain(..) {
                    self.let_go(&claiming);
                }
                // They stay claimed: whoever owns the lane next finds them as interrupted.
                for ready in results.ready.drain(..) {
                    self.scheduler.settled(ready.position);
                }
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "results and claims could not be written; they are tried one by one");
                let settles = results.flush.settles.drain(..);
                for (ready, settle) in results.ready.drain(..).zip(settles) {
                    self.write_alone(&lanes, ready, settle, doubt).await;
                }
                for claiming in claiming.drain(..) {
                    self.claim_alone(&lanes, claiming, doubt).await;
                }
            }
        }
        results.clear();
        self.room.results = results;
        self.claiming = claiming;
    }

    /// Repeats a flush until the store took or refused it. It is harmless to repeat.
    async fn write(
        &mut self,
        lanes: &[LaneLease],
        flush: &Flush,
        doubt: &mut Doubt,
    ) -> Result<Flushed, StoreError> {
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(10))
            .with_max_delay(Duration::from_secs(1))
            .without_max_times()
            .build();
        loop {
            let error = match self.shared.store.flush(lanes, flush).await {
                Ok(flushed)
                    if flushed.claims.len() == flush.claims.len()
                        && flushed.settles.len() == flush.settles.len() =>
                {
                    return Ok(flushed);
                }
                Ok(_) => {
                    let problem = "the store did not answer each claim and each result";
                    return Err(StoreError::new(StoreErrorKind::Corrupt, problem));
                }
                Err(error) if error.is_transient() => error,
                Err(error) => return Err(error),
            };
            doubt.0 |= error.kind() == StoreErrorKind::Ambiguous;
            let leaving = *self.phase.borrow() == Phase::Draining;
            if leaving && self.monotonic() >= self.leave_by() {
                return Err(error);
            }
            tracing::warn!(error = %Chain(&error), "the store did not take a flush; trying again");
            self.shared
                .clock
                .sleep(waits.next().unwrap_or(Duration::from_secs(1)))
                .await;
        }
    }

    /// One result that the store cannot take must not hold up the others.
    async fn write_alone(
        &mut self,
        lanes: &[LaneLease],
        ready: Ready,
        settle: Settle,
        mut doubt: Doubt,
    ) {
        let flush = Flush {
            claims: Vec::new(),
            settles: vec![settle],
        };
        let answer = self
            .write(lanes, &flush, &mut doubt)
            .await
            .map(|flushed| Some((*flushed.settles.first()?, flushed.now)));
        match (answer, flush.settles.first()) {
            (Ok(Some((answer, now))), Some(settle)) => {
                self.written(&ready, settle, answer, doubt, now);
            }
            (Ok(_), _) => self.scheduler.settled(ready.position),
            // It stays claimed: whoever owns the lane next finds it as interrupted.
            (Err(error), _) => tracing::error!(
                error = %Chain(&error), event.id = %ready.event, delivery.id = %ready.id,
                "a result could not be written"
            ),
        }
    }

    /// One claim that the store cannot take must not hold up the others.
    async fn claim_alone(&mut self, lanes: &[LaneLease], claiming: Claiming, mut doubt: Doubt) {
        if *self.phase.borrow() == Phase::Draining {
            return self.let_go(&claiming);
        }
        let flush = Flush {
            claims: vec![claiming.claim()],
            settles: Vec::new(),
        };
        match self.write(lanes, &flush, &mut doubt).await {
            Ok(flushed) => {
                self.heard(flushed.now);
                self.start(iter::once(claiming), flushed.claims, doubt)
                    .await;
            }
            // Only when the time of a shutdown is up.
            Err(error) if error.is_transient() => self.let_go(&claiming),
            Err(error) => self.set_aside(&claiming, &error),
        }
    }

    fn written(
        &mut self,
        ready: &Ready,
        settle: &Settle,
        answer: SettleAnswer,
        doubt: Doubt,
        now: Timestamp,
    ) {
        self.scheduler.settled(ready.position);
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
    }

    async fn start(
        &mut self,
        claiming: impl Iterator<Item = Claiming>,
        answers: Vec<ClaimAnswer>,
        doubt: Doubt,
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
                    self.send(claiming, claimed, content, doubt, now);
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

    fn content(&self, event: &StoredEvent) -> Result<Arc<Content>, Arc<BlobError>> {
        match self.shared.fresh.take(event.id) {
            Some(content) => Ok(content),
            None => Content::decode(&event.content)
                .map(Arc::new)
                .map_err(Arc::new),
        }
    }

    /// Starts the send of a claimed delivery.
    fn send(
        &mut self,
        claiming: Claiming,
        claimed: Claimed,
        content: Result<Arc<Content>, Arc<BlobError>>,
        doubt: Doubt,
        now: Duration,
    ) {
        let Claiming {
            ready,
            channel,
            reservation,
            alone: _,
        } = claiming;
        let position = ready.position;
        let store_now = self.store_at(now);
        let mut flight = InFlight {
            channel,
            reservation,
            latch: Latch::default(),
            claimed_at: store_now,
            ready,
            send: None,
        };
        let content = match content {
            Ok(content) => content,
            Err(error) => {
                let attempted = unreadable(&claimed.event, &error);
                return self.conclude(flight, attempted, now);
            }
        };
        let (own, secret) = match own_parts(&claimed, &content) {
            Ok(parts) => parts,
            Err(error) => {
                let attempted = unreadable(&claimed.event, &error);
                return self.conclude(flight, attempted, now);
            }
        };
        if let Some(why) = self.objection(&flight.ready, reservation, doubt, now) {
            return self.conclude(flight, Attempted::returned(Duration::ZERO, why), now);
        }
        let ready = &flight.ready;
        let lineup = &self.lineups[channel];
        let provider = reservation.map_or(0, |reservation| reservation.provider);
        let (known_since, doubt) = (known_since(ready), doubt_of(ready));
        let age = until(known_since, store_now);
        // In a box: the future it goes into is moved more than once.
        let mut job = Box::new(Job {
            id: ready.id,
            generation: ready.generation,
            attempt: ready.attempt + 1,
            tries: ready.tries,
            recipient: claimed.recipient,
            address: claimed.address,
            expires_at: ready.expires_at,
            suspect: ready.suspicion > 0,
            // A panic adds one to it, and so does a crash while it was alone.
            interrupted: ready.suspicion == 1,
            doubt,
            known_since,
            claimed_at: store_now,
            spent: doubt.is_some() && ready.failures >= lineup.route.settings().retry.max_attempts,
            recognised: lineup.recognise(age),
            event: claimed.event,
            content,
            own,
            secret,
            files: Vec::new(),
            rendering: claimed.rendering,
            provider,
            reports_start: lineup.reports_start(provider),
            latch: flight.latch.clone(),
            cut: Arc::clone(&self.cut),
        });
        let span = tracing::info_span!(
            "process",
            otel.kind = "consumer",
            event.id = %job.event.id,
            delivery.id = %job.id,
            tenant = %job.event.tenant,
            channel = %ready.channel,
            attempt = job.attempt,
            trace.link = job.content.trace.as_ref().map(crate::trace::TraceContext::traceparent),
        );
        #[cfg(feature = "otel")]
        if let Some(trace) = &job.content.trace {
            crate::trace::link(&span, trace);
        }
        let route = Arc::clone(&self.lineups[channel].route);
        let shared = Arc::clone(&self.shared);
        let results = Arc::clone(&self.ended);
        let files = ready.bytes > 0;
        let send = task::start(
            async move {
                // Few have files: only they pay for the room that reading them takes.
                if files && let Err(attempted) = Box::pin(with_files(&shared, &mut job)).await {
                    return results.put((position, attempted));
                }
                let attempt =
                    route.attempt(&shared.templates, &*shared.clock, &*shared.store, &job);
                // Whatever third-party code does, the delivery comes back.
                let attempted = AssertUnwindSafe(attempt).catch_unwind().await;
                let attempted = attempted.unwrap_or_else(|_| Attempted::panicked(job.started()));
                // What it holds goes before its permits do.
                drop(job);
                results.put((position, attempted));
            }
            .instrument(span),
        );
        flight.send = Some(send);
        self.in_flight.insert(position, flight);
    }

    /// Why a claimed delivery is given back and claimed again, with all that a claim checks.
    fn objection(
        &self,
        ready: &Ready,
        reservation: Option<Reservation>,
        doubt: Doubt,
        now: Duration,
    ) -> Option<&'static str> {
        if !self.lanes.is_safe(ready.lane, now) {
            Some("the lease ran out before the send")
        } else if reservation.is_none() {
            Some("it was claimed as expired, and the store found time left")
        } else if ready.expires_at.is_some_and(|at| at <= self.store_at(now)) {
            Some("its time passed between its claim and the send")
        } else if doubt.0 {
            Some("the answer to its claim was lost, and much may have happened since")
        } else {
            None
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
