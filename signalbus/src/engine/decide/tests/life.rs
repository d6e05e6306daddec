//! Whole lives of a delivery: what [`decide`] says is written into a store, and whatever comes
//! between, the rules of a life hold.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    always::{any_tried, any_wait, may_have_been_sent},
    *,
};
use crate::{
    clock::Clock,
    event::{Class, Order},
    id::{DeliveryId, EventId, WorkerId},
    name::{ChannelName, ProviderName, TenantId, Topic},
    store::{
        AttemptOutcome, AttemptRecord, Cancel, CancelTarget, Claim, ClaimAnswer, ClassWindow,
        DeliveryRecord, Entry, Fetched, Flush, LaneLease, LaneRequest, MemoryStore, NewDelivery,
        NewEvent, Ready, Receipt, ReceiptKind, ReceiptTarget, RecipientKey, Redrive,
        RedriveContent, Selection, Settle, SettleAnswer, Space, State, Store, Window,
    },
};

#[derive(Debug, Clone)]
enum Step {
    /// Claims it, if it is ready, and this comes of it.
    Try {
        tried: Tried,
        probe: bool,
        draw: f64,
    },
    /// Claims it and dies; the next worker finds it.
    Crash {
        alone: bool,
    },
    Receipt(ReceiptKind),
    /// Somebody calls it off; also while it is being tried, with this result.
    Cancel {
        during: Option<Tried>,
    },
    Redrive,
    Pass(Duration),
    /// As long as it takes until it is due.
    PassUntilDue,
}

fn any_step() -> impl Strategy<Value = Step> {
    let kinds = [
        ReceiptKind::Deferred,
        ReceiptKind::Sent,
        ReceiptKind::Bounced,
        ReceiptKind::Opened,
    ];
    let passes = [1, 60, 7_200, 100_000].map(Duration::from_secs);
    let tried = || {
        let returned = any_wait().prop_map(|wait| Tried::Returned { wait });
        prop_oneof![1 => returned, 12 => any_tried()]
            .prop_filter("a crash is a step, and nobody is asked", |tried| {
                !matches!(tried, Tried::Interrupted { .. } | Tried::Unclear { .. })
            })
    };
    prop_oneof![
        10 => (tried(), prop::bool::weighted(0.2), 0.0..1.0_f64)
            .prop_map(|(tried, probe, draw)| Step::Try { tried, probe, draw }),
        2 => any::<bool>().prop_map(|alone| Step::Crash { alone }),
        1 => prop::sample::select(kinds.to_vec()).prop_map(Step::Receipt),
        1 => prop::option::of(tried()).prop_map(|during| Step::Cancel { during }),
        2 => Just(Step::Redrive),
        1 => prop::sample::select(passes.to_vec()).prop_map(Step::Pass),
        8 => Just(Step::PassUntilDue),
    ]
}

/// Moves when it is told to.
#[derive(Debug, Clone, Default)]
struct Hands(Arc<Mutex<Duration>>);

#[async_trait]
impl Clock for Hands {
    fn now(&self) -> Timestamp {
        later(NOW, self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// One delivery and what is known about this generation of it, counted apart from the engine.
struct Life {
    store: MemoryStore,
    clock: Hands,
    guarantee: Guarantee,
    recognised: bool,
    workers: u128,
    leases: Vec<LaneLease>,
    /// Tries that have to count.
    counted: u32,
    /// Tries with which it may have been sent.
    possible_sends: u32,
    called_off: bool,
    evidence: bool,
}

impl Life {
    async fn new(guarantee: Guarantee, recognised: bool, expires_in: Option<Duration>) -> Self {
        let clock = Hands::default();
        let store = MemoryStore::builder()
            .clock(Arc::new(clock.clone()))
            .lanes(1)
            .build();
        let delivery = {
            let mut made = NewDelivery::new(id(), 0, RecipientKey([0; 16]));
            made.channel = Some(channel());
            made.order_key = 0;
            made.order = Order::Start;
            made.address = None;
            made.sender = None;
            made.category = None;
            made.send_at = None;
            made.expires_at = expires_in.map(|wait| later(NOW, wait));
            made.ended = None;
            made.detail = None;
            made
        };
        let event = NewEvent {
            id: EventId::from_uuid(Uuid::from_u128(1)),
            tenant: acme(),
            topic: Topic::new("user.signup").unwrap(),
            parent: None,
            class: Class::Standard,
            idempotency: None,
            content: bytes::Bytes::new(),
            recipients: Vec::new(),
            secret: None,
            attachments: Vec::new(),
            deliveries: vec![delivery],
        };
        store.accept(vec![event], Vec::new()).await.unwrap();
        Self {
            store,
            clock,
            guarantee,
            recognised,
            workers: 0,
            leases: Vec::new(),
            counted: 0,
            possible_sends: 0,
            called_off: false,
            evidence: false,
        }
    }

    fn pass(&self, time: Duration) {
        let mut now = self.clock.0.lock().unwrap();
        *now = now.saturating_add(time);
    }

    /// A worker that takes over once the last one's lease is over.
    async fn succeed(&mut self) {
        let lease = Duration::from_secs(15);
        self.pass(lease);
        self.workers += 1;
        let request = LaneRequest {
            worker: WorkerId::from_uuid(Uuid::from_u128(self.workers)),
            lease,
            spaces: vec![Space::send(&ChannelName::new("test").unwrap())],
            release: Vec::new(),
        };
        self.leases = self.store.hold_lanes(request).await.unwrap().leases;
    }

    async fn record(&self) -> DeliveryRecord {
        let record = self.store.delivery(&acme(), id()).await.unwrap();
        record.unwrap()
    }

    async fn look(&self) -> Fetched {
        let class = ClassWindow {
            class: Class::Standard,
            total: 9,
            after: None,
            skip: Vec::new(),
        };
        let window = Window {
            classes: vec![class],
            per_group: 9,
            channels: vec![channel()],
        };
        self.store.fetch(&self.leases, window).await.unwrap()
    }

    /// Claims it, if it is ready and nothing stands against it.
    async fn claim(&mut self, alone: bool) -> Option<Ready> {
        let before = self.record().await;
        let ready = self.look().await.ready.pop()?;
        assert_eq!(ready.failures, self.counted, "what counts is counted once");
        assert!(ready.failures < policy().max_attempts);
        let mut claim = Claim::of(&ready);
        claim.alone = alone;
        let flush = Flush {
            claims: vec![claim],
            settles: Vec::new(),
        };
        let told = self.store.flush(&self.leases, &flush).await.unwrap();
        if !matches!(told.claims.as_slice(), [ClaimAnswer::Claimed(_)]) {
            return None;
        }
        let now = self.clock.now();
        assert!(
            before.due.is_some_and(|due| due <= now),
            "not before its time"
        );
        assert!(ready.expires_at.is_none_or(|at| now < at), "not after it");
        assert!(!self.called_off, "what was called off is not tried again");
        assert!(
            !self.evidence,
            "what is known to be sent is not tried again"
        );
        if self.guarantee == Guarantee::AtMostOnce && !self.recognised {
            assert_eq!(self.possible_sends, 0, "at most once");
        }
        Some(ready)
    }

    /// Decides what follows, and writes it.
    async fn settle(&mut self, ready: Ready, tried: Tried, probe: bool, draw: f64) {
        let standing = Standing {
            failures: ready.failures,
            suspicion: ready.suspicion,
            probe,
            recognised: self.recognised,
            asked: false,
            expires_at: ready.expires_at,
        };
        let now = self.clock.now();
        let decision = decide(tried, standing, &policy(), self.guarantee, now, draw);
        self.count(tried, probe);
        let (next, retry_in) = match &decision.next {
            Next::Retry(wait) => ("retry", Some(*wait)),
            Next::Later { until, .. } => ("later", Some(crate::clock::until(now, *until))),
            Next::End(state, _) => (state.as_str(), None),
            other => panic!("nothing decides {other:?}"),
        };
        let record = AttemptRecord {
            generation: ready.generation,
            attempt: ready.attempt + 1,
            provider: Some(ProviderName::new("fake").unwrap()),
            started_at: now,
            took: Duration::ZERO,
            request_started: true,
            outcome: match tried {
                Tried::Accepted => AttemptOutcome::Accepted { id: None },
                Tried::Failed { outcome, .. } => AttemptOutcome::Failed(outcome),
                Tried::Interrupted { .. } => AttemptOutcome::Interrupted,
                _ => AttemptOutcome::Failed(Outcome::Unknown),
            },
            fault: None,
            code: None,
            detail: None,
            next: next.into(),
            retry_in,
        };
        let mut settle = Settle::new(&ready, decision.next.clone(), record);
        settle.failures = decision.failures;
        settle.suspicion = decision.suspicion;
        let flush = Flush {
            claims: Vec::new(),
            settles: vec![settle],
        };
        let told = self.store.flush(&self.leases, &flush).await.unwrap();
        assert_eq!(told.settles, [SettleAnswer::Applied]);
        self.check_wait(tried, now).await;
    }

    /// Counts as the design says: what a provider was asked and failed to do; not the probes of a
    /// breaker that certainly were not sent, nor what configuration, a crash, a panic or a departure is to blame for.
    fn count(&mut self, tried: Tried, probe: bool) {
        let stops = self.guarantee == Guarantee::AtMostOnce && !self.recognised;
        if let Tried::Failed { outcome, fault, .. } = tried {
            let counts = match outcome {
                Outcome::Retryable => fault != Fault::Configuration,
                Outcome::Permanent => false,
                Outcome::Unknown => !stops,
            };
            self.counted += u32::from(counts && (!probe || outcome == Outcome::Unknown));
        }
        let sent = may_have_been_sent(tried) || tried == Tried::Accepted;
        self.possible_sends += u32::from(sent);
    }

    /// What waits does so at least as long as it must, and never beyond its expiry.
    async fn check_wait(&self, tried: Tried, now: Timestamp) {
        let Some(due) = self.record().await.due else {
            return;
        };
        let least = match tried {
            Tried::Failed {
                fault: Fault::Configuration,
                outcome: Outcome::Retryable | Outcome::Permanent,
                ..
            } => CONFIGURATION_WAIT,
            Tried::Failed { retry_after, .. } => {
                policy().floor.max(retry_after.unwrap_or_default())
            }
            Tried::Panicked { .. } => policy().floor,
            Tried::Returned { wait } => wait,
            _ => Duration::ZERO,
        };
        assert!(due >= later(now, least), "it waits for {due}");
        let expiry = self.record().await.expires_at;
        let kept = matches!(tried, Tried::Returned { .. });
        assert!(kept || expiry.is_none_or(|expiry| due < expiry));
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Try { tried, probe, draw } => {
                if let Some(ready) = self.claim(false).await {
                    self.settle(ready, *tried, *probe, *draw).await;
                }
            }
            Step::Crash { alone } => {
                if self.claim(*alone).await.is_some() {
                    self.succeed().await;
                    let mut interrupted = self.look().await.interrupted.pop().unwrap();
                    interrupted.ready.attempt -= 1;
                    let tried = Tried::Interrupted {
                        alone: interrupted.alone,
                    };
                    self.settle(interrupted.ready, tried, false, 0.0).await;
                }
            }
            Step::Receipt(kind) => self.receipt(kind.clone()).await,
            Step::Cancel { during } => {
                let ready = match during {
                    Some(_) => self.claim(false).await,
                    None => None,
                };
                let cancel = Cancel {
                    target: CancelTarget::Delivery(id()),
                    actor: "ops".to_owned(),
                };
                self.store.cancel(&acme(), cancel).await.unwrap();
                self.called_off = true;
                if let (Some(ready), Some(tried)) = (ready, during) {
                    self.settle(ready, *tried, false, 0.5).await;
                    let state = self.record().await.state;
                    assert!(matches!(state, State::Ended(_)), "it is not tried again");
                }
            }
            Step::Redrive => self.redrive().await,
            Step::Pass(time) => {
                self.pass(*time);
                self.succeed().await;
            }
            Step::PassUntilDue => {
                if let Some(due) = self.record().await.due {
                    self.pass(crate::clock::until(self.clock.now(), due));
                    self.succeed().await;
                }
            }
        }
    }

    async fn receipt(&mut self, kind: ReceiptKind) {
        self.evidence |= kind.rank() >= ReceiptKind::Sent.rank();
        let receipt = Receipt::new(
            acme(),
            ProviderName::new("fake").unwrap(),
            ReceiptTarget::Delivery(id()),
            kind,
            format!("{:?}", self.clock.monotonic()),
        );
        self.pass(Duration::from_nanos(1));
        self.store.record_receipts(vec![receipt]).await.unwrap();
    }

    async fn redrive(&mut self) {
        let before = self.record().await;
        let redrive = Redrive {
            tenant: acme(),
            selection: Selection::Ids(vec![(id(), before.generation)]),
            actor: "ops".to_owned(),
            content: RedriveContent::Fresh,
            spacing: Duration::ZERO,
            expires_at: None,
            limit: 1,
            dry_run: false,
        };
        let started = self.store.redrive(redrive).await.unwrap().started;
        let bad = matches!(before.state, State::Ended(end) if end.can_be_redriven());
        assert_eq!(started.len(), usize::from(bad), "only what ended badly");
        if bad {
            self.counted = 0;
            self.possible_sends = 0;
            self.called_off = false;
            self.evidence = false;
        }
    }

    /// What one step may change, and what an end leaves behind.
    async fn check(&self, step: &Step, before: &DeliveryRecord) {
        let after = self.record().await;
        let redriven = after.generation != before.generation;
        if redriven {
            assert!(matches!(step, Step::Redrive));
            assert_eq!(
                (after.generation, after.attempt),
                (before.generation + 1, 0)
            );
            assert_eq!(after.state, State::Waiting);
        } else {
            assert!((before.attempt..=before.attempt + 1).contains(&after.attempt));
        }
        if let State::Ended(end) = before.state
            && !redriven
        {
            let resolved = end == EndState::OutcomeUnknown
                && after.state == State::Ended(EndState::Accepted)
                && self.evidence;
            assert!(after.state == before.state || resolved, "an end is final");
        }
        assert_eq!(
            after.reason.is_some(),
            matches!(after.state, State::Ended(_))
        );
        let State::Ended(end) = after.state else {
            return;
        };
        let history = self.store.history(&acme(), id()).await.unwrap();
        let says_so = |entry: &Entry| match entry {
            Entry::Attempt(attempt) => {
                attempt.next == end.as_str() && attempt.generation == after.generation
            }
            Entry::Ended { state, reason, .. } => {
                *state == end && Some(reason) == after.reason.as_ref()
            }
            Entry::Cancelled { .. } => end == EndState::Cancelled,
            _ => false,
        };
        assert!(
            history.iter().any(|line| says_so(&line.entry)),
            "the history says why it ended so: {history:?}"
        );
    }
}

fn id() -> DeliveryId {
    DeliveryId::from_uuid(Uuid::from_u128(2))
}

fn acme() -> TenantId {
    TenantId::new("acme").unwrap()
}

fn channel() -> ChannelName {
    ChannelName::new("test").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_rules_of_a_life_hold(
        at_most_once in any::<bool>(),
        recognised in prop::bool::weighted(0.3),
        expires_in in prop::option::of((1..200_000_u64).prop_map(Duration::from_secs)),
        steps in prop::collection::vec(any_step(), 1..60),
    ) {
        let guarantee = if at_most_once {
            Guarantee::AtMostOnce
        } else {
            Guarantee::AtLeastOnce
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut life = Life::new(guarantee, recognised, expires_in).await;
            life.succeed().await;
            for step in &steps {
                let before = life.record().await;
                life.step(step).await;
                life.check(step, &before).await;
            }
        });
    }
}
