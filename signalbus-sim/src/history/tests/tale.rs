//! Builds a history step by step.

use std::time::Duration;

use signalbus::{
    Class, DeliveryId, EventId, Order, ProviderName, TenantId, Timestamp,
    clock::later,
    name::ChannelName,
    provider::{Fault, Outcome},
    store::{
        AddressHash, AttemptOutcome, AttemptRecord, EndState, Entry, HistoryEntry, Reason, State,
    },
};

use crate::history::{
    Answer, Counters, End, Event, History, Listed, Publish, Request, RouteWanted, Rules, Said,
    Seen, Step,
};

/// One tenant, one worker, one lane, one channel; delivery and event `n` belong together.
pub(super) struct Tale {
    at: Duration,
    events: Vec<Event>,
    pub(super) ends: Vec<End>,
    pub(super) counters: Option<Counters>,
    pub(super) order: Order,
    pub(super) key: Option<&'static str>,
    pub(super) most: u32,
    pub(super) broken_for_good: bool,
    pub(super) rules: Rules,
    pub(super) tenant: &'static str,
    /// Whether the next request is recognised as a repeat.
    pub(super) repeat: bool,
    calls: u64,
    requests: u64,
    generation: u32,
    lines: Vec<(u64, Entry)>,
}

pub(super) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn channel() -> ChannelName {
    ChannelName::new("mail").unwrap()
}

fn provider() -> ProviderName {
    ProviderName::new("mailer").unwrap()
}

fn delivery(nth: u64) -> DeliveryId {
    format!("00000000-0000-7000-8000-{nth:012x}")
        .parse()
        .unwrap()
}

fn event(nth: u64) -> EventId {
    format!("00000000-0000-7000-9000-{nth:012x}")
        .parse()
        .unwrap()
}

impl Tale {
    pub(super) fn new() -> Self {
        let mut tale = Self {
            at: Duration::from_secs(1),
            events: Vec::new(),
            ends: Vec::new(),
            counters: None,
            order: Order::Start,
            key: None,
            most: 1,
            broken_for_good: false,
            rules: Rules::default(),
            tenant: "one",
            repeat: false,
            calls: 0,
            requests: 0,
            generation: 0,
            lines: Vec::new(),
        };
        tale.see("worker", Seen::Held { lane: 0, epoch: 1 });
        tale
    }

    /// One message, published and sent, without a fault.
    pub(super) fn sent() -> Self {
        let mut tale = Self::new();
        let publish = tale.published(1, "person");
        tale.delivered(1, &publish);
        tale
    }

    pub(super) fn history(self) -> History {
        History {
            rules: Rules {
                max_attempts: self.most,
                broken_channels: self.broken_for_good.then(channel).into_iter().collect(),
                ..self.rules
            },
            events: self.events,
            ends: self.ends,
            counters: self.counters,
        }
    }

    pub(super) fn see(&mut self, actor: &str, seen: Seen) {
        self.pass(Duration::from_millis(1));
        self.events.push(Event {
            at: u64::try_from(self.at.as_micros()).unwrap(),
            wall: later(Timestamp::UNIX_EPOCH, self.at),
            actor: actor.to_owned(),
            seen,
        });
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.at += time;
    }

    pub(super) fn publish(&mut self, nth: u64, person: &str) -> Publish {
        self.publish_again(&Publish {
            call: 0,
            tenant: tenant(self.tenant),
            key: self.key.map(str::to_owned),
            content: format!("content-{nth}"),
            order: self.order,
            class: Class::Standard,
            bus: false,
            send_at: None,
            expires_at: None,
            routes: vec![RouteWanted {
                person: person.to_owned(),
                channel: Some(channel()),
                address: format!("{person}@mail"),
            }],
        })
    }

    pub(super) fn publish_again(&mut self, publish: &Publish) -> Publish {
        self.calls += 1;
        let publish = Publish {
            call: self.calls,
            ..publish.clone()
        };
        self.see("publisher", Seen::Publish(publish.clone()));
        publish
    }

    pub(super) fn stored(&mut self, nth: u64, publish: &Publish) {
        let stored = Seen::Stored {
            event: event(nth),
            tenant: publish.tenant.clone(),
            key: publish.key.clone(),
            content: Some(publish.content.clone()),
            deliveries: vec![delivery(nth)],
            ended: Vec::new(),
        };
        self.see("worker", stored);
    }

    pub(super) fn told(&mut self, nth: u64, publish: &Publish, verdict: Said) {
        let told = Seen::Published {
            call: publish.call,
            event: event(nth),
            verdict,
            deliveries: vec![delivery(nth)],
        };
        self.see("publisher", told);
    }

    pub(super) fn published(&mut self, nth: u64, person: &str) -> Publish {
        let publish = self.publish(nth, person);
        self.stored(nth, &publish);
        self.told(nth, &publish, Said::Accepted);
        publish
    }

    fn step(&self, nth: u64, attempt: u32) -> Step {
        Step {
            delivery: delivery(nth),
            generation: self.generation,
            attempt,
            lane: 0,
            epoch: 1,
        }
    }

    pub(super) fn claimed(&mut self, nth: u64, attempt: u32) {
        let step = self.step(nth, attempt);
        self.see("worker", Seen::Claimed(step));
    }

    pub(super) fn request(
        &mut self,
        nth: u64,
        attempt: u32,
        publish: &Publish,
        answer: Option<Answer>,
    ) {
        self.requests += 1;
        let request = self.requests;
        let taken = matches!(answer, None | Some(Answer::Taken | Answer::Nothing))
            && !std::mem::take(&mut self.repeat);
        let seen = Seen::Request(Request {
            request,
            provider: provider(),
            channel: channel(),
            delivery: delivery(nth),
            generation: self.generation,
            attempt,
            tenant: publish.tenant.clone(),
            address: publish.routes[0].address.clone(),
            content: publish.content.clone(),
            worker: "worker".to_owned(),
            received: true,
            taken,
        });
        self.see("mailer", seen);
        if let Some(answer) = answer {
            self.see("mailer", Seen::Answered { request, answer });
        }
    }

    pub(super) fn looked_up(&mut self, nth: u64, taken: Option<bool>) {
        let seen = Seen::LookedUp {
            provider: provider(),
            delivery: delivery(nth),
            generation: self.generation,
            taken,
        };
        self.see("worker", seen);
    }

    pub(super) fn purged(&mut self, nth: u64) {
        let seen = Seen::Purged {
            events: vec![event(nth)],
            deliveries: vec![delivery(nth)],
        };
        self.see("operator", seen);
    }

    /// Something from the bus that nobody can read was recorded.
    pub(super) fn unreadable(&mut self, nth: u64) {
        let (state, reason) = (EndState::Dead, Reason::Unreadable);
        let stored = Seen::Stored {
            event: event(nth),
            tenant: tenant(self.tenant),
            key: None,
            content: None,
            deliveries: vec![delivery(nth)],
            ended: vec![(delivery(nth), state)],
        };
        self.see("worker", stored);
        let entry = Entry::Ended {
            state,
            reason: reason.clone(),
            detail: Some("not an event".to_owned()),
        };
        self.lines.push((nth, entry));
        self.end(nth, State::Ended(state), reason);
    }

    /// The provider can be asked, or recognises repeats.
    pub(super) fn able(&mut self, asked: bool) {
        let able = vec![provider()];
        if asked {
            self.rules.asked = able;
        } else {
            self.rules.recognising = able;
        }
    }

    pub(super) fn at_most_once(&mut self) {
        self.rules.at_most_once = vec![channel()];
    }

    pub(super) fn retried(
        &mut self,
        nth: u64,
        attempt: u32,
        outcome: AttemptOutcome,
        fault: Fault,
    ) {
        self.settled(nth, attempt, outcome, Some(fault), None);
    }

    pub(super) fn died(&mut self, nth: u64, attempt: u32) {
        let outcome = AttemptOutcome::Failed(Outcome::Retryable);
        let ended = (EndState::Dead, Reason::AttemptsExhausted);
        self.settled(nth, attempt, outcome, Some(Fault::Provider), Some(ended));
    }

    pub(super) fn accepted(&mut self, nth: u64, attempt: u32) {
        let ended = (EndState::Accepted, Reason::Sent);
        self.settled(
            nth,
            attempt,
            AttemptOutcome::Accepted { id: None },
            None,
            Some(ended),
        );
    }

    fn settled(
        &mut self,
        nth: u64,
        attempt: u32,
        outcome: AttemptOutcome,
        fault: Option<Fault>,
        ended: Option<(EndState, Reason)>,
    ) {
        let asked = (outcome != AttemptOutcome::Interrupted).then(provider);
        let next = ended.as_ref().map_or("retry", |(state, _)| state.as_str());
        let record = AttemptRecord {
            generation: self.generation,
            attempt,
            provider: asked.clone(),
            started_at: Timestamp::UNIX_EPOCH,
            took: Duration::ZERO,
            request_started: true,
            outcome: outcome.clone(),
            fault,
            code: None,
            detail: None,
            next: next.into(),
            retry_in: None,
        };
        self.lines.push((nth, Entry::Attempt(record)));
        let settled = Seen::Settled {
            step: self.step(nth, attempt),
            provider: asked,
            outcome,
            fault,
            ended,
            told: true,
        };
        self.see("worker", settled);
    }

    pub(super) fn redriven(&mut self, nth: u64) {
        let ended = self.generation;
        self.generation += 1;
        let began = self.generation;
        let entry = Entry::Redriven {
            actor: "operator".to_owned(),
            ended,
            began,
        };
        self.lines.push((nth, entry));
        let delivery = delivery(nth);
        self.see("operator", Seen::Redriven { delivery, began });
    }

    /// Claimed, sent and settled.
    pub(super) fn sent_in(&mut self, nth: u64, attempt: u32, publish: &Publish) {
        self.claimed(nth, attempt);
        self.request(nth, attempt, publish, Some(Answer::Taken));
        self.accepted(nth, attempt);
    }

    /// The same in the first attempt, and this is its end.
    pub(super) fn delivered(&mut self, nth: u64, publish: &Publish) {
        self.sent_in(nth, 1, publish);
        self.end(nth, State::Ended(EndState::Accepted), Reason::Sent);
    }

    pub(super) fn refused(&mut self, nth: u64, state: EndState, reason: Reason) {
        self.refused_saying(nth, state, reason, Some("manual"));
    }

    pub(super) fn refused_saying(
        &mut self,
        nth: u64,
        state: EndState,
        reason: Reason,
        detail: Option<&str>,
    ) {
        let step = self.step(nth, 1);
        let ended = Some(state);
        self.see("worker", Seen::Refused { step, ended });
        let entry = Entry::Ended {
            state,
            reason: reason.clone(),
            detail: detail.map(str::to_owned),
        };
        self.lines.push((nth, entry));
        self.end(nth, State::Ended(state), reason);
    }

    pub(super) fn suppressed(&mut self, of: &str, address: &str) {
        let listed = Listed {
            tenant: tenant(of),
            channel: channel(),
            address: AddressHash::of(&channel(), address),
        };
        self.see("operator", Seen::Suppressed(listed));
    }

    /// What the store holds in the end.
    pub(super) fn end(&mut self, nth: u64, state: State, reason: Reason) {
        let at = Timestamp::UNIX_EPOCH;
        let lines = self.lines.iter().filter(|(of, _)| *of == nth);
        let history = lines.map(|(_, entry)| HistoryEntry {
            at,
            entry: entry.clone(),
        });
        let end = End {
            delivery: delivery(nth),
            event: event(nth),
            tenant: tenant(self.tenant),
            channel: Some(channel()),
            state,
            reason: Some(reason),
            generation: self.generation,
            history: history.collect(),
        };
        self.ends.push(end);
    }
}
