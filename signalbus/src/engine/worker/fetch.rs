//! What to read from the store, and when.

use std::{panic::AssertUnwindSafe, sync::Arc, task::Poll, time::Duration};

use futures::{FutureExt, poll};

use crate::{
    chain::Chain,
    clock::{Timestamp, later, until},
    engine::{
        decide::{Standing, decide},
        memo::{doubt_of, known_since, memo},
        metrics,
    },
    event::Class,
    name::ChannelName,
    route::{Doubt, Tried},
    store::{
        AttemptOutcome, AttemptRecord, ClassWindow, Fetched, Interrupted, Next, Position, Shape,
        StoreError, StoreErrorKind, Window,
    },
    task::{self, Task},
};

use super::{Group, News, Worker, result::named_next};

/// Deliveries of one group read at once, however many lanes there are.
const LEAST_PER_GROUP: usize = 16;

/// A look at the store on its way.
pub(super) struct Reading {
    /// The rings of the bell that it answers.
    rings: u64,
    /// When it began, on the monotonic clock.
    asked: Duration,
    per_group: u32,
    /// What was written since it began: it may have been read before that.
    pub(super) settled: Vec<Position>,
    /// What became due later since it began.
    pub(super) next_due: Option<Timestamp>,
    /// How often lanes had changed hands when it began.
    changes: u64,
    /// Stopped when dropped.
    _task: Option<Task>,
}

fn panicked() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the store panicked")
}

impl Worker {
    /// Begins to read what there is to do, if it is time. Sends, claims and results go on meanwhile.
    pub(super) async fn fetch_if_due(&mut self) {
        let now = self.monotonic();
        let due = self.next_due.is_some_and(|due| due <= self.store_now());
        let poll = now >= self.next_poll;
        let most = self.shared.options.in_hand;
        let low = self.scheduler.runs_low()
            || self
                .resume
                .keys()
                .any(|class| self.scheduler.waits_less(*class, most / 2, most));
        if self.reading.is_some() || !(self.asked_to_look || due || poll || low) {
            return;
        }
        let lanes = self.lanes.working();
        self.next_poll = now.saturating_add(self.shared.options.poll);
        if lanes.is_empty() {
            self.next_due = None;
            return;
        }
        self.asked_to_look = false;
        self.written = self.groups.iter().any(|group| !group.is_idle());
        self.looked_at = None;
        let window = self.window(lanes.len());
        let mut reading = Reading {
            rings: self.shared.bell.rings(),
            asked: now,
            per_group: window.per_group,
            settled: Vec::new(),
            next_due: None,
            changes: self.lanes.changes(),
            _task: None,
        };
        let (store, vitals) = (
            Arc::clone(&self.shared.store),
            Arc::clone(&self.shared.vitals),
        );
        let clock = Arc::clone(&self.shared.clock);
        let mut read = Box::pin(async move {
            let fetch = AssertUnwindSafe(store.fetch(&lanes, window)).catch_unwind();
            let fetched = fetch.await.unwrap_or_else(|_| Err(panicked()));
            vitals.store(fetched.as_ref().err(), &*clock);
            fetched
        });
        // A store in memory is done at once.
        if let Poll::Ready(fetched) = poll!(&mut read) {
            return self.read(fetched, reading);
        }
        let inbox = Arc::clone(&self.inbox);
        let task = task::start(async move { inbox.put(News::Read(Box::new(read.await))) });
        reading._task = Some(task);
        self.reading = Some(reading);
    }

    /// Takes over what was read.
    pub(super) fn read(&mut self, fetched: Result<Fetched, StoreError>, reading: Reading) {
        match fetched {
            Ok(fetched) => {
                self.looked_at = Some(reading.rings);
                self.take_in(fetched, &reading);
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "work could not be read; trying again");
                // Not at once: at the next poll.
                self.next_due = reading.next_due;
            }
        }
        // From now on the store's offers of them are newer than their results.
        for position in reading.settled {
            self.scheduler.settled(position);
        }
    }

    fn window(&mut self, lanes: usize) -> Window {
        let channels: Vec<ChannelName> = self.scheduler.accounts().channels().cloned().collect();
        let most = self.shared.options.in_hand;
        // What is being claimed is offered once more.
        let claims: usize = self.groups.iter().map(Group::claims).sum();
        let per_group = self.shared.options.window.saturating_add(claims) / lanes.max(1);
        let per_group = per_group.max(LEAST_PER_GROUP);
        // A few groups have to fit in hand: otherwise one tenant's backlog could fill it.
        let per_group = per_group.min((most / 4).max(1));
        let mut classes = Vec::with_capacity(Class::ALL.len());
        for class in Class::ALL {
            let space = self.scheduler.space(class, most);
            if space > 0 {
                classes.push(ClassWindow {
                    class,
                    total: u32::try_from(space).unwrap_or(u32::MAX),
                    after: self.resume.remove(&class),
                    skip: self.scheduler.well_stocked(class, most),
                });
            }
        }
        Window {
            classes,
            per_group: u32::try_from(per_group).unwrap_or(u32::MAX),
            channels,
        }
    }

    fn take_in(&mut self, mut fetched: Fetched, reading: &Reading) {
        self.heard(fetched.now, reading.asked);
        let dues = fetched.next_due.into_iter().chain(reading.next_due);
        self.next_due = dues.min();
        self.resume.extend(fetched.resume);
        if reading.changes != self.lanes.changes() {
            // Others own some of these by now.
            let lanes = &self.lanes;
            fetched.ready.retain(|ready| lanes.holds(ready.lane));
            let of_us = |one: &Interrupted| lanes.holds(one.ready.lane);
            fetched.interrupted.retain(of_us);
            self.asked_to_look = true;
        }
        let interrupted = fetched.interrupted.iter().map(|one| &one.ready);
        self.tell_tenants_apart(fetched.ready.iter().chain(interrupted));
        for interrupted in fetched.interrupted {
            self.interrupted(interrupted);
        }
        let per_group = usize::try_from(reading.per_group).unwrap_or(usize::MAX);
        let most = self.shared.options.in_hand;
        self.scheduler.admit_all(fetched.ready, per_group, most);
    }

    /// An earlier owner died between claim and result: possibly sent.
    fn interrupted(&mut self, interrupted: Interrupted) {
        let Interrupted {
            ready,
            claimed_at,
            alone,
        } = interrupted;
        if !self.scheduler.take_note(ready.position) {
            return;
        }
        let Some(channel) = self.scheduler.accounts().of(&ready) else {
            self.forget(ready.position);
            return;
        };
        let lineup = &self.lineups[channel];
        let age = until(known_since(&ready), self.store_now());
        let standing = Standing {
            failures: ready.failures,
            suspicion: ready.suspicion,
            probe: false,
            recognised: lineup.recognise(age),
            asked: lineup.route.can_ask() && self.keeps.has(Shape::Memo),
            expires_at: ready.expires_at,
        };
        let settings = lineup.route.settings();
        let draw = self.shared.entropy.fraction();
        let tried = Tried::Interrupted { alone };
        let decision = decide(
            tried,
            standing,
            &settings.retry,
            settings.guarantee,
            self.store_now(),
            draw,
        );
        if matches!(decision.next, Next::Retry(_)) {
            metrics::duplicate("lost_record");
        }
        tracing::warn!(
            event.id = %ready.event, delivery.id = %ready.id, channel = %ready.channel,
            "a worker died during a send; it may have been sent",
        );
        let (next, retry_in) = named_next(&decision.next, self.store_now());
        let record = AttemptRecord {
            generation: ready.generation,
            attempt: ready.attempt,
            provider: None,
            started_at: claimed_at,
            took: Duration::ZERO,
            request_started: true,
            outcome: AttemptOutcome::Interrupted,
            fault: None,
            code: None,
            detail: Some("the worker died before the result was written".to_owned()),
            next: next.into(),
            retry_in,
        };
        let given_up = later(claimed_at, lineup.answers_within()).min(self.store_now());
        let doubt = Doubt::new(claimed_at, given_up).and(doubt_of(&ready));
        let memo = memo(&ready, &decision.next, None, Some(doubt), None);
        self.settle(ready, decision, record, memo, None, Vec::new());
    }
}
