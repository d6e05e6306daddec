use std::time::Duration;

use signalbus::{Class, Order};

/// What a run does, and when: all chance in it comes from the seed.
#[derive(Debug, Clone)]
pub struct Script {
    /// The seed it was made from.
    pub seed: u64,
    /// What it looks for.
    pub mode: Mode,
    pub(super) setup: Setup,
    /// In the order of their times.
    pub(super) actions: Vec<Action>,
}

/// What a run looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Faults at random until a time, then none: nothing may be lost, doubled or out of order.
    Safety,
    /// One worker or one provider stays broken for good: the healthy rest must finish.
    Liveness,
}

#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) workers: u8,
    pub(super) lanes: u16,
    pub(super) slots: usize,
    pub(super) in_hand: usize,
    pub(super) window: usize,
    /// How many groups of lanes each worker writes at once.
    pub(super) writers: usize,
    /// How long each call of the store takes.
    pub(super) latency: Duration,
    /// How many of a hundred requests go wrong while faults are injected.
    pub(super) bad_luck: u64,
    /// What each of [`Desk::ALL`] can do beside sending.
    pub(super) abilities: [Ability; 3],
    /// Whether people get messages of several orders.
    pub(super) mixed: bool,
    /// What each worker sends on. Together, without any one of them, they send on all.
    pub(super) serves: Vec<Serves>,
    /// Whether the bus hands out envelopes, and has no partitions.
    pub(super) acknowledged: bool,
    /// No faults at all.
    pub(super) calm: bool,
    /// When everything works again.
    pub(super) heal: Duration,
    /// What is broken for good.
    pub(super) forever: Option<Forever>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forever {
    Worker(u8),
    Provider(Desk),
}

/// The channels that a worker sends on; it knows them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    All,
    Ping,
    Code,
}

/// The providers of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Desk {
    /// Of channel `ping`; says when a request starts.
    PingA,
    /// Of channel `ping`, when the other is paused; does not say.
    PingB,
    /// Of channel `code`, which sends at most once.
    Code,
}

/// What a provider can do beside sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ability {
    Nothing,
    /// It can be asked what became of a message.
    Lookup,
    /// It recognises a repeated reference.
    Recognises,
}

impl Setup {
    pub(super) fn ability(&self, desk: Desk) -> Ability {
        let [ping_a, ping_b, code] = self.abilities;
        match desk {
            Desk::PingA => ping_a,
            Desk::PingB => ping_b,
            Desk::Code => code,
        }
    }
}

impl Desk {
    pub(super) const ALL: [Self; 3] = [Self::PingA, Self::PingB, Self::Code];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PingA => "ping-a",
            Self::PingB => "ping-b",
            Self::Code => "code",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Action {
    /// Names it, also in a shortened script.
    pub(super) id: u64,
    pub(super) at: Duration,
    pub(super) what: Do,
}

#[derive(Debug, Clone)]
pub(super) enum Do {
    Publish(Publishing),
    /// Calls off an event or one delivery of it.
    Cancel {
        publish: u64,
        delivery: Option<u64>,
        foreign: bool,
    },
    /// Redrives one delivery of an event, `times` at once.
    Redrive {
        publish: u64,
        delivery: u64,
        times: u64,
        foreign: bool,
    },
    Suppress {
        tenant: u8,
        person: u8,
        on: bool,
    },
    /// Begins or ends a pause of a tenant, a channel, or a channel of a tenant.
    Hold {
        tenant: Option<u8>,
        channel: Option<&'static str>,
        on: bool,
    },
    Receipt {
        publish: u64,
        delivery: u64,
        kind: u64,
        by_message: bool,
        repeat: bool,
        foreign: bool,
    },
    /// Hands something to the bus that nobody can read.
    Garbage {
        kind: u64,
    },
    /// Forgets what ended so long ago.
    Purge {
        ago: Duration,
        limit: u32,
    },
    /// Looks at another tenant's things.
    Peek {
        publish: u64,
    },
    Trouble(Trouble),
    Outage {
        desk: Desk,
        how: Outage,
        lasts: Duration,
    },
    Crash {
        worker: u8,
    },
    Leave {
        worker: u8,
    },
    Start {
        worker: u8,
    },
    Pause {
        worker: u8,
    },
    Resume {
        worker: u8,
    },
    Jump {
        millis: i64,
    },
}

#[derive(Debug, Clone)]
pub(super) struct Publishing {
    pub(super) tenant: u8,
    pub(super) topic: Topic,
    pub(super) class: Class,
    pub(super) order: Order,
    pub(super) key: Option<u64>,
    /// Which of the contents of its key.
    pub(super) content: u64,
    pub(super) people: Vec<u8>,
    /// Since the run began, as the next.
    pub(super) send_at: Option<Duration>,
    pub(super) expires_at: Option<Duration>,
    pub(super) bus: bool,
    /// Whether it tries again when it was not told `Ok`.
    pub(super) patient: bool,
    /// Through which worker's handle.
    pub(super) worker: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Ping,
    Code,
    Both,
    /// On `code` only when `ping` failed.
    Fallback,
    /// On `code` unless `ping` was delivered in time.
    Escalate,
    /// No rule of the policy.
    Nobody,
    /// Ordered so that a dead message blocks.
    Blocking,
    /// Makes no message.
    Broken,
}

impl Topic {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping.plain",
            Self::Code => "code.plain",
            Self::Both => "both.plain",
            Self::Fallback => "both.fallback",
            Self::Escalate => "both.escalate",
            Self::Nobody => "nobody.plain",
            Self::Blocking => "ping.blocking",
            Self::Broken => "ping.broken",
        }
    }

    pub(super) const fn channels(self) -> &'static [&'static str] {
        match self {
            Self::Ping | Self::Blocking | Self::Broken => &["ping"],
            Self::Code => &["code"],
            Self::Both | Self::Fallback | Self::Escalate => &["ping", "code"],
            Self::Nobody => &[],
        }
    }
}

/// Calls to the store or the bus that go wrong for a while.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    /// Of this worker; of all when none.
    pub(super) worker: Option<u8>,
    pub(super) call: Option<Call>,
    pub(super) how: How,
    /// Of a hundred calls.
    pub(super) share: u64,
    pub(super) lasts: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Accept,
    HoldLanes,
    Fetch,
    Flush,
    Operate,
    Bus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Nothing was written.
    FailBefore,
    /// It was written, and the answer is lost.
    FailAfter,
    SlowBefore(Duration),
    SlowAfter(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outage {
    Refuses,
    Silent,
    Throttles(Duration),
    Misconfigured,
}
