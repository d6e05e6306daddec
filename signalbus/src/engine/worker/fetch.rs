//! What to read from the store, and when.

use std::time::Duration;

use crate::{
    chain::Chain,
    clock::{later, until},
    engine::{
        decide::{Standing, decide},
        memo::{doubt_of, known_since, memo},
        metrics,
    },
    event::Class,
    name::ChannelName,
    route::{Doubt, Tried},
    store::{
        AttemptOutcome, AttemptRecord, ClassWindow, Fetched, Interrupted, Next, Shape, Window,
    },
};

use super::{Worker, result::named_next};

/// Deliveries of one group read at once, however many lanes there are.
const LEAST_PER_GROUP: usize = 16;

impl Worker {
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
        if !(self.asked_to_look || due || poll || low) {
            return;
        }
        let lanes = self.lanes.working();
        self.next_poll = now + self.shared.options.poll;
        if lanes.is_empty() {
            self.next_due = None;
            return;
        }
        self.asked_to_look = false;
        self.written = false;
        let rings = self.shared.bell.rings();
        self.looked_at = None;
        let window = self.window(lanes.len());
        let per_group = window.per_group;
        match self.shared.store.fetch(&lanes, window).await {
            Ok(fetched) => {
                self.looked_at = Some(rings);
                self.take_in(fetched, per_group);
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "work could not be read; trying again");
                // Not at once: at the next poll.
                self.next_due = None;
            }
        }
    }

    fn window(&mut self, lanes: usize) -> Window {
        let channels: Vec<ChannelName> = self.scheduler.accounts().channels().cloned().collect();
        let most = self.shared.options.in_hand;
        let per_group = (self.shared.options.window / lanes.max(1)).max(LEAST_PER_GROUP);
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

    fn take_in(&mut self, fetched: Fetched, per_group: u32) {
        self.heard(fetched.now);
        self.next_due = fetched.next_due;
        self.resume.extend(fetched.resume);
        for interrupted in fetched.interrupted {
            self.interrupted(interrupted);
        }
        let per_group = usize::try_from(per_group).unwrap_or(usize::MAX);
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
            self.scheduler.settled(ready.position);
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
        let memo = memo(&ready, &decision.next, None, Some(doubt));
        self.settle(ready, decision, record, memo, None, Vec::new());
    }
}
