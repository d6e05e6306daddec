use std::time::Duration;

use signalbus_core::{
    ChannelName, Class, DeliveryId, Timestamp,
    id::WorkerId,
    provider::{Fault, Outcome},
    store::{
        AttemptOutcome, AttemptRecord, Claim, ClaimAnswer, Claimed, ClassWindow, EndState, Fetched,
        Flush, Flushed, LaneHolding, LaneId, LaneLease, LaneRequest, Next, Ready, Reason, Refusal,
        Settle, SettleAnswer, Space, Why, Window,
    },
};

use super::{
    Harness,
    event::{channel, provider},
    harness::Slot,
};

/// A worker with the leases it believes it has.
#[derive(Debug, Clone)]
pub struct Worker {
    store: Slot,
    /// Its id.
    pub id: WorkerId,
    /// The channels it sends on: `email` and `sms` unless set.
    pub channels: Vec<ChannelName>,
    /// The leases of its last [`Worker::hold`].
    pub leases: Vec<LaneLease>,
}

impl Worker {
    /// How long its leases run.
    pub const LEASE: Duration = Duration::from_secs(15);

    /// A worker that has not asked for lanes yet.
    #[must_use]
    pub fn new(harness: &Harness) -> Self {
        Self {
            store: harness.store.clone(),
            id: harness.ids.worker(),
            channels: channels(),
            leases: Vec::new(),
        }
    }

    /// The same, sending on these channels alone.
    #[must_use]
    pub fn on(mut self, channels: &[&str]) -> Self {
        self.channels = channels.iter().copied().map(channel).collect();
        self
    }

    /// Renews its lanes and takes what it should have.
    pub async fn hold(&mut self) -> LaneHolding {
        self.give_up(Vec::new()).await
    }

    /// Gives these lanes up and renews the rest, and takes what it should have.
    pub async fn give_up(&mut self, release: Vec<LaneId>) -> LaneHolding {
        let spaces = self.channels.iter().map(Space::send).collect();
        self.ask(spaces, release).await
    }

    /// Gives all lanes up, as a worker does that shuts down.
    pub async fn leave(&mut self) -> LaneHolding {
        let all = self.leases.iter().map(|lease| lease.lane).collect();
        self.ask(Vec::new(), all).await
    }

    async fn ask(&mut self, spaces: Vec<Space>, release: Vec<LaneId>) -> LaneHolding {
        let request = LaneRequest {
            worker: self.id,
            lease: Self::LEASE,
            spaces,
            release,
        };
        let holding = self.store.get().hold_lanes(request).await.unwrap();
        self.leases.clone_from(&holding.leases);
        holding
    }

    /// Reads all there is on the channels `email` and `sms`.
    pub async fn fetch(&self) -> Fetched {
        self.fetch_window(everything()).await
    }

    /// Reads what a window lets through.
    pub async fn fetch_window(&self, window: Window) -> Fetched {
        self.store.get().fetch(&self.leases, window).await.unwrap()
    }

    /// Whether this delivery is ready.
    pub async fn sees(&self, id: DeliveryId) -> bool {
        self.fetch().await.ready.iter().any(|ready| ready.id == id)
    }

    /// This delivery, which must be ready.
    pub async fn ready(&self, id: DeliveryId) -> Ready {
        let fetched = self.fetch().await;
        let found = fetched.ready.into_iter().find(|ready| ready.id == id);
        found.expect("the delivery is ready")
    }

    /// Writes claims and results.
    pub async fn flush(&self, claims: Vec<Claim>, settles: Vec<Settle>) -> Flushed {
        let flush = Flush { claims, settles };
        self.store.get().flush(&self.leases, &flush).await.unwrap()
    }

    /// Writes one claim.
    pub async fn claim(&self, claim: Claim) -> ClaimAnswer {
        let mut flushed = self.flush(vec![claim], Vec::new()).await;
        assert_eq!(flushed.claims.len(), 1, "one answer for one claim");
        flushed.claims.remove(0)
    }

    /// Writes one result.
    pub async fn settle(&self, settle: Settle) -> SettleAnswer {
        let mut flushed = self.flush(Vec::new(), vec![settle]).await;
        assert_eq!(flushed.settles.len(), 1, "one answer for one result");
        flushed.settles.remove(0)
    }

    /// Claims a delivery, which must succeed.
    pub async fn claims(&self, ready: &Ready) -> Claimed {
        match self.claim(claim(ready)).await {
            ClaimAnswer::Claimed(claimed) => claimed,
            other => panic!("the claim was answered with {other:?}"),
        }
    }

    /// Writes a result, which must be applied.
    pub async fn settles(&self, settle: Settle) {
        assert_eq!(self.settle(settle).await, SettleAnswer::Applied);
    }

    /// Claims a delivery that must be ready and ends it as accepted; the provider calls it this.
    pub async fn sends(&self, id: DeliveryId, message: &str) {
        let ready = self.ready(id).await;
        self.claims(&ready).await;
        self.settles(taken(&ready, message)).await;
    }

    /// Claims a delivery that must be ready and puts it off until then.
    pub async fn puts_off(&self, id: DeliveryId, until: Timestamp) {
        let ready = self.ready(id).await;
        self.claims(&ready).await;
        let why = Why::QuietHours;
        self.settles(result(&ready, Next::Later { until, why }))
            .await;
    }

    /// How the claim of a delivery that must be ready is refused.
    pub async fn is_refused(&self, id: DeliveryId) -> Refusal {
        let ready = self.ready(id).await;
        match self.claim(claim(&ready)).await {
            ClaimAnswer::Refused(refusal) => refusal,
            other => panic!("the claim was answered with {other:?}"),
        }
    }

    /// Claims a delivery that must be ready and has it tried again later.
    pub async fn postpones(&self, id: DeliveryId, delay: Duration) {
        let ready = self.ready(id).await;
        self.claims(&ready).await;
        self.settles(result(&ready, Next::Retry(delay))).await;
    }
}

/// A window that lets through all there is on the channels `email` and `sms`.
#[must_use]
pub fn everything() -> Window {
    Window {
        classes: Class::ALL.map(all_of).to_vec(),
        per_group: 1_000,
        channels: channels(),
    }
}

/// All there is of one class.
#[must_use]
pub fn all_of(class: Class) -> ClassWindow {
    ClassWindow {
        class,
        total: 1_000,
        after: None,
        skip: Vec::new(),
    }
}

fn channels() -> Vec<ChannelName> {
    vec![channel("email"), channel("sms")]
}

/// The claim of the next attempt.
#[must_use]
pub fn claim(ready: &Ready) -> Claim {
    Claim::of(ready)
}

/// The result of the next attempt.
#[must_use]
pub fn result(ready: &Ready, next: Next) -> Settle {
    let attempt = ready.attempt + 1;
    let (outcome, fault) = outcome(&next);
    let record = AttemptRecord {
        generation: ready.generation,
        attempt,
        provider: Some(provider("fake")),
        started_at: ready.since,
        took: Duration::from_millis(20),
        request_started: true,
        outcome,
        fault,
        code: Some("250".to_owned()),
        detail: None,
        next: match &next {
            Next::End(state, _) => state.as_str().into(),
            Next::Later { .. } => "later".into(),
            _ => "retry".into(),
        },
        retry_in: match next {
            Next::Retry(delay) => Some(delay),
            _ => None,
        },
    };
    let retries = matches!(next, Next::Retry(_));
    let put_off = matches!(next, Next::Later { .. });
    let mut settle = Settle::new(ready, next, record);
    settle.tries = ready.tries + u32::from(!put_off);
    settle.failures = ready.failures + u32::from(retries);
    settle
}

/// The result of an attempt that the provider `fake` took under this name.
#[must_use]
pub fn taken(ready: &Ready, message: &str) -> Settle {
    let mut settle = result(ready, Next::End(EndState::Accepted, Reason::Sent));
    settle.record.outcome = AttemptOutcome::Accepted {
        id: Some(message.to_owned()),
    };
    settle
}

fn outcome(next: &Next) -> (AttemptOutcome, Option<Fault>) {
    match next {
        Next::End(EndState::Accepted, _) => (AttemptOutcome::Accepted { id: None }, None),
        Next::End(EndState::OutcomeUnknown, _) => (
            AttemptOutcome::Failed(Outcome::Unknown),
            Some(Fault::Provider),
        ),
        Next::End(..) => (
            AttemptOutcome::Failed(Outcome::Permanent),
            Some(Fault::Recipient),
        ),
        _ => (
            AttemptOutcome::Failed(Outcome::Retryable),
            Some(Fault::Provider),
        ),
    }
}
