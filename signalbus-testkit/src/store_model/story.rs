//! What may happen to a store, in small numbers: people, keys and times are few, so that they meet.

use std::{fmt, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};
use signalbus_core::{
    Class, Order,
    store::{EndState, ReceiptKind},
};

/// How many workers there are.
pub(super) const WORKERS: usize = 3;

pub(super) const TENANTS: [&str; 2] = ["acme", "other"];
pub(super) const PEOPLE: [&str; 4] = ["ada", "bob", "cid", "dan"];
pub(super) const CHANNELS: [&str; 3] = ["email", "sms", "push"];
pub(super) const POOLS: [&str; 2] = ["us", "eu"];
pub(super) const TOPICS: [&str; 2] = ["user.signup", "invoice.paid"];

/// One call of the store, or time that passes. Numbers name one of what there is, counted from the
/// newest and round.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Accept(Vec<Event>, Option<Advance>),
    Hold {
        worker: usize,
        /// The channels whose lanes it wants; none when it leaves.
        wants: Vec<usize>,
        release: Release,
    },
    Fetch {
        worker: usize,
        look: Look,
    },
    Flush {
        worker: usize,
        claims: Vec<Wish>,
        settles: Vec<(usize, After)>,
    },
    /// Lanes, fetch, claims and results in a row, as long as nothing comes between.
    Send {
        worker: usize,
        afters: Vec<After>,
    },
    /// The last flush of this worker once more, as after a lost answer.
    FlushAgain {
        worker: usize,
    },
    Receipts(Vec<Said>),
    Cancel {
        whole_event: bool,
        which: usize,
        foreign: bool,
    },
    Redrive(Again),
    Suppress(usize, usize, usize),
    Unsuppress(usize, usize, usize),
    /// By key, and by the address on a channel.
    Erase(usize, usize, usize),
    Pause(Held),
    Resume(Held),
    Release(u32),
    Purge {
        age: Duration,
        limit: u32,
    },
    Advance(Duration),
    /// The wall clock jumps back; monotonic time stays.
    Rewind(Duration),
    /// The next call that writes cannot, and is repeated.
    Trouble,
}

/// As far away as a time can be.
pub(super) const END: Duration = Duration::MAX;

/// Which delivery is claimed, and what the claim takes from which counter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish {
    pub(super) which: usize,
    pub(super) alone: bool,
    pub(super) takes: Option<(usize, u32)>,
}

/// What a pause narrows itself to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Held {
    pub(super) tenant: Option<usize>,
    pub(super) topic: Option<usize>,
    pub(super) channel: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Event {
    New {
        tenant: usize,
        key: Option<usize>,
        content: usize,
        topic: usize,
        class: Class,
        to: Vec<To>,
    },
    /// The same call as before.
    Again(usize),
}

#[derive(Debug, Clone)]
pub(super) struct To {
    pub(super) person: usize,
    pub(super) channel: usize,
    pub(super) order: Order,
    pub(super) send_in: Option<Duration>,
    pub(super) expires_in: Option<Duration>,
    pub(super) ended: Option<Born>,
    pub(super) behind: Option<Behind>,
    pub(super) pool: Option<usize>,
}

/// Waits for one of the deliveries before it in its event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behind {
    pub(super) back: usize,
    pub(super) until: Option<Duration>,
    pub(super) unless: u8,
}

/// How a delivery ends when it is accepted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Born {
    WithoutRoute,
    Dead,
}

/// Of a position on a bus.
#[derive(Debug, Clone, Copy)]
pub(super) struct Advance {
    pub(super) partition: u32,
    pub(super) expects_right: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Release {
    Nothing,
    Surplus,
    One,
    Everything,
}

#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) per_group: u32,
    pub(super) total: u32,
    pub(super) classes: Vec<Class>,
    pub(super) channels: Vec<usize>,
    pub(super) skip: Option<(usize, usize)>,
    /// Goes on where the last look was cut.
    pub(super) on: bool,
}

impl Look {
    /// All there is on the channels that are mostly used.
    pub(super) fn all() -> Self {
        Self {
            per_group: 100,
            total: 100,
            classes: Class::ALL.to_vec(),
            channels: vec![0, 1],
            skip: None,
            on: false,
        }
    }
}

/// What a send came to.
#[derive(Debug, Clone)]
pub(super) enum After {
    Taken,
    Retry { wait: Duration, rendered: bool },
    Later { wait: Duration },
    End { state: EndState, suppress: bool },
}

#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) kind: ReceiptKind,
    pub(super) id: usize,
    pub(super) about: About,
    pub(super) foreign: bool,
    /// How long ago it happened; none at the end of time.
    pub(super) ago: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum About {
    Delivery(usize),
    Message(usize),
    /// A delivery of an event that is accepted later: its turn comes with the next [`Event::New`].
    Next,
}

/// A redrive.
#[derive(Debug, Clone)]
pub(super) struct Again {
    pub(super) tenant: usize,
    /// These, with what to add to their generation; none for a filter.
    pub(super) named: Option<Vec<(usize, u32)>>,
    pub(super) topic: Option<usize>,
    pub(super) frozen: bool,
    pub(super) spacing: Duration,
    pub(super) expires_in: Option<Duration>,
    pub(super) limit: u32,
    pub(super) dry_run: bool,
}

/// A story of at most so many steps.
pub(super) fn any_story(steps: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(any_step(), 1..=steps)
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (vec(any_event(), 1..4), option::weighted(0.15, any_advance()))
            .prop_map(|(events, advance)| Step::Accept(events, advance)),
        8 => any_hold(),
        12 => (any_worker(), any_look()).prop_map(|(worker, look)| Step::Fetch { worker, look }),
        22 => any_flush(),
        10 => (any_worker(), vec(any_after(), 1..5))
            .prop_map(|(worker, afters)| Step::Send { worker, afters }),
        4 => any_worker().prop_map(|worker| Step::FlushAgain { worker }),
        6 => vec(any_said(), 1..4).prop_map(Step::Receipts),
        4 => any_cancel(),
        6 => any_redrive().prop_map(Step::Redrive),
        2 => any_address().prop_map(|(tenant, person, channel)| {
            Step::Suppress(tenant, person, channel)
        }),
        1 => any_address().prop_map(|(tenant, person, channel)| {
            Step::Unsuppress(tenant, person, channel)
        }),
        1 => any_address().prop_map(|(tenant, person, channel)| {
            Step::Erase(tenant, person, channel)
        }),
        1 => any_pause().prop_map(Step::Pause),
        2 => any_pause().prop_map(Step::Resume),
        2 => select(&[1, 100][..]).prop_map(Step::Release),
        1 => (times(&[0, 1, 30, 100]), select(&[1, 2, 100][..]))
            .prop_map(|(age, limit)| Step::Purge { age, limit }),
        8 => prop_oneof![
            30 => seconds(&[1, 1, 5, 5, 10, 16]),
            1 => Just(Duration::from_hours(72)),
        ]
        .prop_map(Step::Advance),
        1 => seconds(&[1, 5, 60]).prop_map(Step::Rewind),
        2 => Just(Step::Trouble),
    ]
}

/// The first is the busiest.
fn any_worker() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(0), 2 => Just(1), 1 => Just(2)]
}

fn seconds(choices: &'static [u64]) -> impl Strategy<Value = Duration> {
    select(choices).prop_map(Duration::from_secs)
}

/// One of these, or now and then the end of time.
fn times(choices: &'static [u64]) -> impl Strategy<Value = Duration> {
    prop_oneof![19 => seconds(choices), 1 => Just(END)]
}

fn any_event() -> impl Strategy<Value = Event> {
    let new = (
        0..TENANTS.len(),
        option::weighted(0.4, 0..3_usize),
        0..2_usize,
        0..TOPICS.len(),
        select(&Class::ALL[..]),
        vec(any_to(), 0..4),
    )
        .prop_map(|(tenant, key, content, topic, class, to)| Event::New {
            tenant,
            key,
            content,
            topic,
            class,
            to,
        });
    prop_oneof![9 => new, 1 => (0..8_usize).prop_map(Event::Again)]
}

fn any_to() -> impl Strategy<Value = To> {
    let order = prop_oneof![
        3 => Just(Order::Start),
        4 => Just(Order::Strict),
        3 => Just(Order::StrictBlocking),
        1 => Just(Order::Unordered),
    ];
    (
        0..PEOPLE.len(),
        prop_oneof![4 => Just(0), 2 => Just(1), 1 => Just(2)],
        order,
        option::weighted(0.2, times(&[1, 5, 20])),
        option::weighted(0.2, times(&[5, 10, 60])),
        option::weighted(0.08, select(&[Born::WithoutRoute, Born::Dead][..])),
        option::weighted(0.25, any_behind()),
        option::weighted(0.2, 0..POOLS.len()),
    )
        .prop_map(
            |(person, channel, order, send_in, expires_in, ended, behind, pool)| To {
                person,
                channel,
                order,
                send_in,
                expires_in,
                ended,
                behind,
                pool,
            },
        )
}

fn any_behind() -> impl Strategy<Value = Behind> {
    let unless = select(vec![
        ReceiptKind::Sent.rank(),
        ReceiptKind::Sent.rank(),
        ReceiptKind::Delivered.rank(),
    ]);
    (0..3_usize, option::of(times(&[1, 5, 20])), unless).prop_map(|(back, until, unless)| Behind {
        back,
        until,
        unless,
    })
}

fn any_pause() -> impl Strategy<Value = Held> {
    let one = |of: usize| option::weighted(0.7, 0..of);
    (one(TENANTS.len()), one(TOPICS.len()), one(CHANNELS.len())).prop_map(
        |(tenant, topic, channel)| Held {
            tenant,
            topic,
            channel,
        },
    )
}

fn any_advance() -> impl Strategy<Value = Advance> {
    (0..2_u32, prop::bool::weighted(0.8)).prop_map(|(partition, expects_right)| Advance {
        partition,
        expects_right,
    })
}

fn any_hold() -> impl Strategy<Value = Step> {
    let release = prop_oneof![
        4 => Just(Release::Nothing),
        3 => Just(Release::Surplus),
        1 => Just(Release::One),
        1 => Just(Release::Everything),
    ];
    let wants = prop_oneof![
        7 => Just((0..CHANNELS.len()).collect()),
        2 => prop::sample::subsequence((0..CHANNELS.len()).collect::<Vec<_>>(), 1..CHANNELS.len()),
        1 => Just(Vec::new()),
    ];
    (any_worker(), wants, release).prop_map(|(worker, wants, release)| Step::Hold {
        worker,
        wants,
        release,
    })
}

fn any_look() -> impl Strategy<Value = Look> {
    let all = || Class::ALL.to_vec();
    (
        prop_oneof![4 => Just(100_u32), 1 => 1..3_u32],
        prop_oneof![4 => Just(100_u32), 1 => 1..4_u32],
        prop_oneof![4 => Just(all()), 1 => Just(vec![Class::Standard])],
        prop_oneof![3 => Just(vec![0, 1]), 1 => Just(vec![0, 1, 2]), 1 => Just(vec![1])],
        option::weighted(0.1, (0..TENANTS.len(), 0..CHANNELS.len())),
        any::<bool>(),
    )
        .prop_map(|(per_group, total, classes, channels, skip, on)| Look {
            per_group,
            total,
            classes,
            channels,
            skip,
            on,
        })
}

fn any_flush() -> impl Strategy<Value = Step> {
    (
        any_worker(),
        vec(any_wish(), 0..5),
        vec((0..5_usize, any_after()), 0..4),
    )
        .prop_map(|(worker, claims, settles)| Step::Flush {
            worker,
            claims,
            settles,
        })
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let takes = option::weighted(0.3, (0..2_usize, 1..3_u32));
    (0..12_usize, prop::bool::weighted(0.2), takes).prop_map(|(which, alone, takes)| Wish {
        which,
        alone,
        takes,
    })
}

fn any_after() -> impl Strategy<Value = After> {
    let ends = [
        EndState::Dead,
        EndState::Dead,
        EndState::OutcomeUnknown,
        EndState::OutcomeUnknown,
        EndState::Expired,
        EndState::Suppressed,
        EndState::Cancelled,
        EndState::NotNeeded,
    ];
    prop_oneof![
        2 => Just(After::Taken),
        4 => (times(&[0, 0, 1, 10]), any::<bool>())
            .prop_map(|(wait, rendered)| After::Retry { wait, rendered }),
        2 => times(&[0, 1, 10]).prop_map(|wait| After::Later { wait }),
        4 => (select(ends.to_vec()), prop::bool::weighted(0.2))
            .prop_map(|(state, suppress)| After::End { state, suppress }),
    ]
}

fn any_said() -> impl Strategy<Value = Said> {
    let kind = select(vec![
        ReceiptKind::Deferred,
        ReceiptKind::Sent,
        ReceiptKind::Delivered,
        ReceiptKind::Bounced,
        ReceiptKind::Complained,
        ReceiptKind::Opened,
        ReceiptKind::Other("said_something".to_owned()),
    ]);
    let about = prop_oneof![
        4 => (0..12_usize).prop_map(About::Delivery),
        4 => (0..12_usize).prop_map(About::Message),
        1 => Just(About::Next),
    ];
    let ago = prop_oneof![18 => Just(Some(Duration::ZERO)), 1 => Just(Some(END)), 1 => Just(None)];
    (kind, 0..40_usize, about, prop::bool::weighted(0.1), ago).prop_map(
        |(kind, id, about, foreign, ago)| Said {
            kind,
            id,
            about,
            foreign,
            ago,
        },
    )
}

fn any_cancel() -> impl Strategy<Value = Step> {
    (any::<bool>(), 0..12_usize, prop::bool::weighted(0.1)).prop_map(
        |(whole_event, which, foreign)| Step::Cancel {
            whole_event,
            which,
            foreign,
        },
    )
}

fn any_redrive() -> impl Strategy<Value = Again> {
    let generation = prop_oneof![5 => Just(0_u32), 1 => Just(1)];
    let named = vec((0..12_usize, generation), 1..4);
    (
        0..TENANTS.len(),
        option::weighted(0.6, named),
        option::weighted(0.2, 0..TOPICS.len()),
        any::<bool>(),
        times(&[0, 0, 5]),
        option::weighted(0.3, times(&[1, 60])),
        prop_oneof![1 => Just(1_u32), 3 => Just(100)],
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(tenant, named, topic, frozen, spacing, expires_in, limit, dry_run)| Again {
                tenant,
                named,
                topic,
                frozen,
                spacing,
                expires_in,
                limit,
                dry_run,
            },
        )
}

fn any_address() -> impl Strategy<Value = (usize, usize, usize)> {
    (0..TENANTS.len(), 0..PEOPLE.len(), 0..CHANNELS.len())
}

impl fmt::Display for Step {
    /// A line of a story.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept(events, advance) => {
                write!(f, "accept {} event(s)", events.len())?;
                if advance.is_some() {
                    write!(f, " from the bus")?;
                }
                Ok(())
            }
            Self::Hold {
                worker,
                wants,
                release,
            } => {
                let channels: Vec<_> = wants.iter().map(|on| CHANNELS[*on]).collect();
                let wish = match channels.as_slice() {
                    [] => "leaves".to_owned(),
                    channels => format!("asks for lanes of {}", channels.join(", ")),
                };
                write!(f, "worker {worker} {wish}")?;
                match release {
                    Release::Nothing => Ok(()),
                    Release::Surplus => write!(f, ", gives its surplus up"),
                    Release::One => write!(f, ", gives one up"),
                    Release::Everything => write!(f, ", gives all up"),
                }
            }
            Self::Fetch { worker, look } => write!(
                f,
                "worker {worker} reads {} of a group, {} of a class",
                look.per_group, look.total
            ),
            Self::Flush { worker, .. } => write!(f, "worker {worker} writes"),
            Self::Send { worker, .. } => write!(f, "worker {worker} reads, claims and writes"),
            Self::FlushAgain { worker } => write!(f, "worker {worker} writes the same again"),
            Self::Receipts(_) => write!(f, "receipts come"),
            Self::Cancel { .. } => write!(f, "somebody cancels"),
            Self::Redrive(again) => {
                let trial = if again.dry_run { " for trial" } else { "" };
                write!(f, "somebody redrives{trial}")
            }
            Self::Suppress(tenant, person, channel) => {
                let (tenant, person) = (TENANTS[*tenant], PEOPLE[*person]);
                write!(f, "{tenant} suppresses {person} on {}", CHANNELS[*channel])
            }
            Self::Unsuppress(tenant, person, channel) => {
                let (tenant, person) = (TENANTS[*tenant], PEOPLE[*person]);
                write!(
                    f,
                    "{tenant} allows {person} on {} again",
                    CHANNELS[*channel]
                )
            }
            Self::Erase(tenant, person, channel) => {
                let (tenant, person) = (TENANTS[*tenant], PEOPLE[*person]);
                write!(
                    f,
                    "{tenant} erases {person}, also on {}",
                    CHANNELS[*channel]
                )
            }
            Self::Pause(held) => write!(f, "somebody pauses {held:?}"),
            Self::Resume(held) => write!(f, "somebody resumes {held:?}"),
            Self::Release(limit) => write!(f, "up to {limit} are released"),
            Self::Purge { age, limit } => write!(f, "purge {limit} older than {age:?}"),
            Self::Advance(step) => write!(f, "{step:?} pass"),
            Self::Rewind(jump) => write!(f, "the wall clock goes back by {jump:?}"),
            Self::Trouble => write!(f, "the next call cannot write at first"),
        }
    }
}
