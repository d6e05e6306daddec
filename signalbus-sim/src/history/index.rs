use std::collections::BTreeMap;

use signalbus::{DeliveryId, EventId, store::EndState};

use super::{Answer, Broken, End, Event, History, Publish, Request, RouteWanted, Said, Seen};

/// A history, put in order by what its lines are about.
pub(super) struct Index<'a> {
    pub(super) history: &'a History,
    pub(super) calls: BTreeMap<u64, Call<'a>>,
    /// Calls by the content they publish.
    pub(super) contents: BTreeMap<&'a str, Vec<u64>>,
    pub(super) requests: BTreeMap<u64, Asked<'a>>,
    pub(super) tracks: BTreeMap<DeliveryId, Track<'a>>,
    /// Whether the store's transitions were seen.
    pub(super) has_log: bool,
}

/// A publish and its answer.
pub(super) struct Call<'a> {
    pub(super) at: usize,
    pub(super) publish: &'a Publish,
    pub(super) answered_at: usize,
    pub(super) told: Told<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Told<'a> {
    Ok(EventId, Said, &'a [DeliveryId]),
    Handed(EventId),
    Failed,
    Unknown,
}

/// A request and its answer.
pub(super) struct Asked<'a> {
    pub(super) at: usize,
    pub(super) request: &'a Request,
    /// None when nobody heard one.
    pub(super) answer: Option<&'a Answer>,
    /// Whether the code that asks broke down.
    pub(super) panicked: bool,
}

/// All about one delivery.
#[derive(Default)]
pub(super) struct Track<'a> {
    /// The publish it comes from, and which of its routes it is.
    pub(super) origin: Option<(u64, usize)>,
    /// How it ended as it was stored, if it did.
    pub(super) stillborn: Option<EndState>,
    /// The store's lines about it.
    pub(super) steps: Vec<usize>,
    pub(super) requests: Vec<u64>,
    /// What providers said when they were asked about it.
    pub(super) lookups: Vec<usize>,
    pub(super) purged: Option<usize>,
    pub(super) end: Option<&'a End>,
}

impl<'a> Index<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        let mut index = Self {
            history,
            calls: BTreeMap::new(),
            contents: BTreeMap::new(),
            requests: BTreeMap::new(),
            tracks: BTreeMap::new(),
            has_log: false,
        };
        for (at, event) in history.events.iter().enumerate() {
            index.add(at, &event.seen);
        }
        for end in &history.ends {
            index.track(end.delivery).end = Some(end);
        }
        index
    }

    fn add(&mut self, at: usize, seen: &'a Seen) {
        match seen {
            Seen::Publish(publish) => {
                let call = Call {
                    at,
                    publish,
                    answered_at: usize::MAX,
                    told: Told::Unknown,
                };
                self.calls.insert(publish.call, call);
                self.contents
                    .entry(&publish.content)
                    .or_default()
                    .push(publish.call);
            }
            Seen::Published {
                call,
                event,
                verdict,
                deliveries,
            } => {
                self.told(*call, at, Told::Ok(*event, *verdict, deliveries));
                if *verdict == Said::Accepted {
                    for (route, delivery) in deliveries.iter().enumerate() {
                        self.track(*delivery).origin = Some((*call, route));
                    }
                }
            }
            Seen::Handed { call, event } => self.told(*call, at, Told::Handed(*event)),
            Seen::NotPublished { call } => self.told(*call, at, Told::Failed),
            Seen::PublishUnknown { call } => self.told(*call, at, Told::Unknown),
            Seen::Request(request) => {
                let asked = Asked {
                    at,
                    request,
                    answer: None,
                    panicked: false,
                };
                self.requests.insert(request.request, asked);
                self.track(request.delivery).requests.push(request.request);
            }
            Seen::Answered { request, answer } => {
                if let Some(asked) = self.requests.get_mut(request) {
                    match answer {
                        Answer::Nothing => {}
                        Answer::Panicked => asked.panicked = true,
                        Answer::Taken | Answer::Failed { .. } => asked.answer = Some(answer),
                    }
                }
            }
            Seen::Stored {
                event,
                content,
                deliveries,
                ended,
                ..
            } => {
                self.has_log = true;
                for (delivery, state) in ended {
                    self.track(*delivery).stillborn = Some(*state);
                }
                let calls = content
                    .as_deref()
                    .and_then(|content| self.contents.get(content));
                // Until a publisher is told that it was this call, it may have been the first of
                // those that were not told another event: of one that was purged, say.
                let first = calls.and_then(|calls| {
                    calls.iter().copied().find(|call| {
                        !matches!(
                            self.calls[call].told,
                            Told::Ok(other, ..) | Told::Handed(other) if other != *event
                        )
                    })
                });
                if let Some(first) = first {
                    for (route, delivery) in deliveries.iter().enumerate() {
                        self.track(*delivery).origin.get_or_insert((first, route));
                    }
                }
            }
            Seen::Claimed(step) | Seen::Refused { step, .. } | Seen::Settled { step, .. } => {
                self.track(step.delivery).steps.push(at)
            }
            Seen::Cancelled { delivery }
            | Seen::NotNeeded { delivery }
            | Seen::Redriven { delivery, .. } => {
                self.track(*delivery).steps.push(at);
            }
            Seen::LookedUp { delivery, .. } => self.track(*delivery).lookups.push(at),
            Seen::Purged { deliveries, .. } => {
                for delivery in deliveries {
                    self.track(*delivery).purged = Some(at);
                }
            }
            Seen::Held { .. }
            | Seen::Garbage { .. }
            | Seen::Paused(_)
            | Seen::Resumed(_)
            | Seen::Waits { .. }
            | Seen::Suppressed(_)
            | Seen::Unsuppressed(_)
            | Seen::Receipt { .. }
            | Seen::Foreign { .. }
            | Seen::Fault(_) => {}
        }
    }

    fn told(&mut self, call: u64, at: usize, told: Told<'a>) {
        if let Some(call) = self.calls.get_mut(&call) {
            call.told = told;
            call.answered_at = at;
        }
    }

    fn track(&mut self, delivery: DeliveryId) -> &mut Track<'a> {
        self.tracks.entry(delivery).or_default()
    }

    pub(super) fn event(&self, at: usize) -> &'a Event {
        &self.history.events[at]
    }

    /// What a delivery was published as.
    pub(super) fn wanted(&self, track: &Track<'_>) -> Option<(&'a Publish, &'a RouteWanted)> {
        let (call, route) = track.origin?;
        let publish = self.calls.get(&call)?.publish;
        Some((publish, publish.routes.get(route)?))
    }

    /// Whether a worker died, or stood still at some time, between two lines.
    pub(super) fn was_broken(&self, worker: &str, from: usize, to: usize) -> bool {
        let mut paused = false;
        for (at, event) in self.history.events.iter().enumerate() {
            if at > to {
                break;
            }
            let Seen::Fault(fault) = &event.seen else {
                continue;
            };
            match fault {
                Broken::Crashed { worker: of } if of == worker && at >= from => return true,
                Broken::Paused { worker: of } if of == worker => {
                    if at >= from {
                        return true;
                    }
                    paused = true;
                }
                Broken::Resumed { worker: of } if of == worker => {
                    if at >= from && paused {
                        return true;
                    }
                    paused = false;
                }
                _ => {}
            }
        }
        paused
    }

    /// Whether the store failed a worker, or kept it waiting, so that it may have lost its lanes:
    /// between two lines, or a little before.
    pub(super) fn was_cut_off(&self, worker: &str, from: usize, to: usize) -> bool {
        /// No lease runs longer, in microseconds.
        const LEASE: u64 = 60_000_000;
        let since = self.event(from).at.saturating_sub(LEASE);
        self.history.events.iter().take(to).any(|event| {
            event.at >= since
                && matches!(&event.seen, Seen::Fault(Broken::Store { worker: of, .. }) if of == worker)
        })
    }
}

impl Track<'_> {
    /// The attempts whose result an owner of the lane did not write down: possibly sent.
    pub(super) fn interrupted(&self) -> impl Iterator<Item = (u32, u32)> {
        self.attempts()
            .filter(|record| record.outcome == signalbus::store::AttemptOutcome::Interrupted)
            .map(|record| (record.generation, record.attempt))
    }

    /// Whether a pause held it at some time.
    pub(super) fn was_held(&self) -> bool {
        let history = self.end.map_or(&[][..], |end| &end.history);
        let held =
            |entry: &signalbus::store::Entry| matches!(entry, signalbus::store::Entry::Held { .. });
        history.iter().any(|line| held(&line.entry))
    }

    /// What the store holds about its attempts.
    pub(super) fn attempts(&self) -> impl Iterator<Item = &signalbus::store::AttemptRecord> {
        let history = self.end.map_or(&[][..], |end| &end.history);
        history.iter().filter_map(|line| match &line.entry {
            signalbus::store::Entry::Attempt(record) => Some(record),
            _ => None,
        })
    }

    /// How it had ended before a line of the store's log; none when it had not.
    pub(super) fn ended_before(&self, index: &Index<'_>, line: usize) -> Option<EndState> {
        let mut state = self.stillborn;
        for at in self.steps.iter().copied().filter(|at| *at < line) {
            match &index.event(at).seen {
                Seen::Settled {
                    ended: Some((end, _)),
                    ..
                }
                | Seen::Refused {
                    ended: Some(end), ..
                } => state = Some(*end),
                Seen::Cancelled { .. } => state = Some(EndState::Cancelled),
                Seen::NotNeeded { .. } => state = Some(EndState::NotNeeded),
                Seen::Redriven { .. } => state = None,
                _ => {}
            }
        }
        state
    }
}
