//! One call of the store: repeated until it took a batch, and one by one where it does not take it
//! as a whole. Runs beside the worker, which hears of it when it is done.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use tokio::sync::watch;
use tracing::{Instrument, Span};

use super::claim::Claiming;
use crate::{
    chain::Chain,
    clock::{Clock, Timestamp},
    health::Vitals,
    mutant::Mutant,
    store::{
        Claim, ClaimAnswer, Flush, Flushed, LaneLease, Ready, Settle, SettleAnswer, Store,
        StoreError, StoreErrorKind,
    },
};

/// How often a batch is tried as a whole before it is looked for one that the store cannot take.
const AS_A_WHOLE: usize = 5;

/// How often one is tried by itself that the store could not take with others.
const BY_ITSELF: usize = 3;

/// Results, and what to claim, for one transaction. Its lists are used again: large ones cost an
/// allocator more than what is put into them.
#[derive(Default)]
pub(super) struct Batch {
    /// Whose the results are.
    pub(super) ready: Vec<Ready>,
    pub(super) claiming: Vec<Claiming>,
    pub(super) flush: Flush,
}

/// A batch, and what the store said.
pub(super) struct Wrote {
    pub(super) group: usize,
    pub(super) batch: Batch,
    pub(super) answer: Answer,
    /// Whether a call may have been written whose answer was lost.
    pub(super) doubt: Doubt,
    /// When the call was made that was answered, on the monotonic clock.
    pub(super) asked: Duration,
    /// In which it was claimed; none when there was nothing to claim.
    pub(super) span: Span,
}

/// Whether an earlier call of the same flush may have been written, and its answer was lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt(pub(super) bool);

pub(super) enum Answer {
    Whole(Flushed),
    Singly(Singly),
    /// The time of a shutdown was up.
    Late(StoreError),
}

/// What came of each, one by one.
#[derive(Default)]
pub(super) struct Singly {
    pub(super) settles: Vec<Result<SettleAnswer, StoreError>>,
    pub(super) claims: Vec<Result<ClaimAnswer, StoreError>>,
    pub(super) now: Option<Timestamp>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.claiming.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.ready.clear();
        self.claiming.clear();
        self.flush.claims.clear();
        self.flush.settles.clear();
    }

    fn len(&self) -> usize {
        self.flush.claims.len() + self.flush.settles.len()
    }

    /// The n-th of it, as a batch of its own.
    fn nth(&self, nth: usize) -> Flush {
        let settles = self.flush.settles.get(nth).map(settle_alone);
        settles.unwrap_or_else(|| {
            let claims = self.flush.claims.get(nth - self.flush.settles.len());
            claims.map(claim_alone).unwrap_or_default()
        })
    }
}

/// One for all claims of a flush: each attempt that follows is linked with it.
fn span_of(flush: &Flush) -> Span {
    if flush.claims.is_empty() {
        return Span::none();
    }
    crate::trace::span!(
        "claim",
        otel.kind = "internal",
        claims = flush.claims.len(),
        results = flush.settles.len(),
    )
}

fn settle_alone(settle: &Settle) -> Flush {
    Flush {
        claims: Vec::new(),
        settles: vec![settle.clone()],
    }
}

fn claim_alone(claim: &Claim) -> Flush {
    Flush {
        claims: vec![claim.clone()],
        settles: Vec::new(),
    }
}

/// What a batch is written with.
#[derive(Clone)]
pub(super) struct Writer {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) vitals: Arc<Vitals>,
    /// The deadline of a shutdown, once there is one.
    pub(super) leave_by: watch::Receiver<Option<Duration>>,
    pub(super) lanes: Vec<LaneLease>,
}

impl Writer {
    /// Writes a batch of a group.
    pub(super) async fn write(self, group: usize, batch: Batch) -> Wrote {
        let mut doubt = Doubt(false);
        let mut asked = self.clock.monotonic();
        let span = span_of(&batch.flush);
        let answer = self.answer(&batch, &mut doubt, &mut asked);
        let answer = answer.instrument(span.clone()).await;
        Wrote {
            group,
            batch,
            answer,
            doubt,
            asked,
            span,
        }
    }

    async fn answer(&self, batch: &Batch, doubt: &mut Doubt, asked: &mut Duration) -> Answer {
        let mut waits = waits();
        for failed in 0.. {
            *asked = self.clock.monotonic();
            let error = match self.call(&batch.flush).await {
                Ok(flushed) => return Answer::Whole(flushed),
                Err(error) => error,
            };
            doubt.0 |= error.kind() == StoreErrorKind::Ambiguous;
            if !error.is_transient() {
                tracing::error!(error = %Chain(&error), "results and claims could not be written; they are tried one by one");
                return Answer::Singly(self.singly(batch, doubt).await);
            }
            if self.is_late() {
                return Answer::Late(error);
            }
            tracing::warn!(error = %Chain(&error), "the store did not take a flush; trying again");
            self.pause(&mut waits).await;
            // It may work but for one of them, whatever it says.
            if failed >= AS_A_WHOLE
                && batch.len() > 1
                && !self.is_late()
                && self.call(&batch.nth(failed % batch.len())).await.is_ok()
            {
                tracing::error!(error = %Chain(&error), "the store takes some of a flush, and not the whole: they are tried one by one");
                doubt.0 = true;
                *asked = self.clock.monotonic();
                break;
            }
        }
        Answer::Singly(self.singly(batch, doubt).await)
    }

    /// What the store cannot take must not hold up the rest.
    async fn singly(&self, batch: &Batch, doubt: &mut Doubt) -> Singly {
        let mut singly = Singly::default();
        for settle in &batch.flush.settles {
            let flushed = self.settle(settle, doubt).await;
            singly.now = flushed
                .as_ref()
                .map_or(singly.now, |flushed| Some(flushed.now));
            let answer = |flushed: Flushed| flushed.settles.first().copied().ok_or_else(unanswered);
            singly.settles.push(flushed.and_then(answer));
        }
        for claim in &batch.flush.claims {
            let flushed = self.patiently(&claim_alone(claim), doubt).await;
            singly.now = flushed
                .as_ref()
                .map_or(singly.now, |flushed| Some(flushed.now));
            let answer = |flushed: Flushed| flushed.claims.into_iter().next();
            singly
                .claims
                .push(flushed.and_then(|flushed| answer(flushed).ok_or_else(unanswered)));
        }
        singly
    }

    /// A result, with as much of what goes with it as the store takes.
    async fn settle(&self, settle: &Settle, doubt: &mut Doubt) -> Result<Flushed, StoreError> {
        let mut flush = settle_alone(settle);
        let mut error = match self.patiently(&flush, doubt).await {
            Err(error) if !error.is_transient() => error,
            answer => return answer,
        };
        if Mutant::WholeOrNothing.is_active() {
            return Err(error);
        }
        for strip in [strip_texts, strip_effects] {
            let Some(settle) = flush.settles.first_mut() else {
                break;
            };
            let left_out = strip(settle);
            tracing::error!(
                error = %Chain(&error), delivery.id = %settle.id, left_out,
                "a result could not be written; it is tried without a part of it"
            );
            error = match self.patiently(&flush, doubt).await {
                Err(error) if !error.is_transient() => error,
                answer => return answer,
            };
        }
        Err(error)
    }

    /// Repeats a call for a while.
    async fn patiently(&self, flush: &Flush, doubt: &mut Doubt) -> Result<Flushed, StoreError> {
        let mut waits = waits();
        for failed in 1.. {
            let error = match self.call(flush).await {
                Err(error) if error.is_transient() => error,
                answer => return answer,
            };
            doubt.0 |= error.kind() == StoreErrorKind::Ambiguous;
            if failed >= BY_ITSELF || self.is_late() {
                return Err(error);
            }
            self.pause(&mut waits).await;
        }
        Err(unanswered())
    }

    /// One call. A store that panics may have written before.
    async fn call(&self, flush: &Flush) -> Result<Flushed, StoreError> {
        let call = AssertUnwindSafe(self.store.flush(&self.lanes, flush)).catch_unwind();
        let answer = call.await.unwrap_or_else(|_| {
            Err(StoreError::new(
                StoreErrorKind::Ambiguous,
                "the store panicked",
            ))
        });
        let answer = answer.and_then(|flushed| {
            let whole = flushed.claims.len() == flush.claims.len()
                && flushed.settles.len() == flush.settles.len();
            whole.then_some(flushed).ok_or_else(unanswered)
        });
        self.vitals.store(answer.as_ref().err(), &*self.clock);
        answer
    }

    fn is_late(&self) -> bool {
        self.leave_by
            .borrow()
            .is_some_and(|deadline| self.clock.monotonic() >= deadline)
    }

    async fn pause(&self, waits: &mut impl Iterator<Item = Duration>) {
        self.clock
            .sleep(waits.next().unwrap_or(Duration::from_secs(1)))
            .await;
    }
}

fn waits() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_secs(1))
        .without_max_times()
        .build()
}

fn unanswered() -> StoreError {
    let problem = "the store did not answer each claim and each result";
    StoreError::new(StoreErrorKind::Corrupt, problem)
}

fn strip_texts(settle: &mut Settle) -> &'static str {
    settle.rendering = None;
    settle.record.detail = None;
    settle.record.code = None;
    "texts of the provider, and the message for the next try"
}

fn strip_effects(settle: &mut Settle) -> &'static str {
    settle.effects.clear();
    settle.refunds.clear();
    "what follows from it, a suppression perhaps, and what goes back to counters"
}
