//! Makes a script from a seed.

use std::time::Duration;

use signalbus::{Class, Order};

use super::{
    draw::Draw,
    garbage,
    script::{
        Ability, Action, Call, Desk, Do, Forever, How, Mode, Outage, Publishing, Script, Serves,
        Setup, Topic, Trouble,
    },
};

/// Faults are injected for this long, in milliseconds.
const TROUBLED: u64 = 25_000;

/// One of so many seeds injects no fault at all.
const CALM: u64 = 8;

impl Script {
    /// The script of a seed.
    #[must_use]
    pub fn new(seed: u64, mode: Mode) -> Self {
        let mut draw = Draw::new(seed ^ if mode == Mode::Liveness { 1 << 63 } else { 0 });
        let calm = mode == Mode::Safety && seed.is_multiple_of(CALM);
        let setup = setup(&mut draw, mode, calm);
        let mut actions = Vec::new();
        let publishes = draw.between(15, 45);
        publish(&mut draw, &mut actions, publishes, setup.mixed);
        operate(&mut draw, &mut actions, publishes);
        house_keep(&mut draw, &mut actions);
        if calm {
            flood(&mut draw, &mut actions);
        } else {
            hold(&mut draw, &mut actions);
            break_things(&mut draw, &mut actions, setup.workers);
        }
        actions.sort_by_key(|action| (action.at, action.id));
        Self {
            seed,
            mode,
            setup,
            actions,
        }
    }
}

fn setup(draw: &mut Draw, mode: Mode, calm: bool) -> Setup {
    let workers = if mode == Mode::Liveness {
        draw.between(2, 4)
    } else {
        draw.between(1, 4)
    };
    let forever = (mode == Mode::Liveness).then(|| {
        if draw.chance(50) {
            Forever::Worker(0)
        } else {
            Forever::Provider(Desk::Code)
        }
    });
    Setup {
        workers: small(workers),
        lanes: u16::from(small(draw.between(2, 7))),
        slots: [2, 8, 64][index(draw.below(3))],
        in_hand: [4, 32, 1024][index(draw.below(3))],
        window: [2, 8, 64][index(draw.below(3))],
        writers: [1, 2, 4][index(draw.below(3))],
        latency: Duration::from_millis([0, 0, 3, 30][index(draw.below(4))]),
        bad_luck: if calm {
            0
        } else {
            [5, 20, 50][index(draw.below(3))]
        },
        abilities: [(); 3].map(|()| {
            draw.weighted(&[
                (40, Ability::Nothing),
                (30, Ability::Lookup),
                (30, Ability::Recognises),
            ])
            .unwrap_or(Ability::Nothing)
        }),
        mixed: draw.chance(40),
        serves: serves(draw, workers),
        acknowledged: draw.chance(30),
        calm,
        heal: Duration::from_millis(TROUBLED + 1_000),
        forever,
    }
}

fn serves(draw: &mut Draw, workers: u64) -> Vec<Serves> {
    let mut serves = vec![Serves::All; index(workers)];
    if workers > 2 && draw.chance(50) {
        for one in &mut serves {
            *one = [Serves::All, Serves::Ping, Serves::Code][index(draw.below(3))];
        }
        // One may stay broken for good.
        for spare in 0..serves.len() {
            let rest = || (0..serves.len()).filter(|nth| *nth != spare);
            let on = |which| {
                rest().any(|nth| matches!(serves[nth], Serves::All) || serves[nth] == which)
            };
            if !(on(Serves::Ping) && on(Serves::Code)) {
                return vec![Serves::All; index(workers)];
            }
        }
    }
    serves
}

fn add(actions: &mut Vec<Action>, at: u64, what: Do) -> u64 {
    let id = u64::try_from(actions.len()).unwrap_or(u64::MAX);
    actions.push(Action {
        id,
        at: Duration::from_millis(at),
        what,
    });
    id
}

/// Publishes come in bursts; their ids are `0..count`, as they are added first.
fn publish(draw: &mut Draw, actions: &mut Vec<Action>, count: u64, mixed: bool) {
    let mut at = 0;
    let mut last: Option<Publishing> = None;
    for _ in 0..count {
        if draw.chance(60) {
            at += draw.below(2 * TROUBLED / count.max(1));
        }
        let publishing = match &last {
            Some(last) if last.key.is_some() && draw.chance(20) => repeat(draw, last),
            _ => publishing(draw, at.min(TROUBLED), mixed),
        };
        last = Some(publishing.clone());
        add(actions, at.min(TROUBLED), Do::Publish(publishing));
    }
}

/// The same key again, mostly with the same content.
fn repeat(draw: &mut Draw, last: &Publishing) -> Publishing {
    Publishing {
        content: last.content + u64::from(draw.chance(30)),
        worker: small(draw.below(3)),
        bus: draw.chance(20),
        ..last.clone()
    }
}

fn publishing(draw: &mut Draw, at: u64, mixed: bool) -> Publishing {
    let topic = draw
        .weighted(&[
            (45, Topic::Ping),
            (20, Topic::Code),
            (9, Topic::Both),
            (6, Topic::Fallback),
            (4, Topic::Escalate),
            (4, Topic::Nobody),
            (12, Topic::Blocking),
            (4, Topic::Broken),
        ])
        .unwrap_or(Topic::Ping);
    // The order belongs to a person: people 0 to 2 by start, 3 and 4 not at all, 5 and 6 strictly,
    // 7 strictly and blocking; 8 has an address that cannot be used. Mixed, it belongs to the
    // message, but for the blocking ones: what is dead is redriven for them alone.
    let (order, from, to) = match topic {
        Topic::Blocking => (Order::StrictBlocking, 7, 8),
        Topic::Fallback | Topic::Escalate => (Order::Unordered, 3, 5),
        _ if mixed => {
            let orders = [
                (45, Order::Start),
                (30, Order::Strict),
                (25, Order::Unordered),
            ];
            (draw.weighted(&orders).unwrap_or_default(), 0, 4)
        }
        _ => draw
            .weighted(&[
                (50, (Order::Start, 0, 3)),
                (20, (Order::Unordered, 3, 5)),
                (25, (Order::Strict, 5, 7)),
                (5, (Order::Unordered, 8, 9)),
            ])
            .unwrap_or((Order::Start, 0, 3)),
    };
    let people = (0..draw.between(1, 4).min(to - from))
        .map(|nth| small(from + (draw.below(2) + nth) % (to - from)))
        .fold(Vec::new(), |mut people, person| {
            if !people.contains(&person) {
                people.push(person);
            }
            people
        });
    Publishing {
        tenant: small(draw.below(2)),
        topic,
        class: Class::ALL[index(draw.weighted(&[(20, 0), (60, 1), (20, 2)]).unwrap_or(1))],
        order,
        key: draw.chance(80).then(|| draw.below(12)),
        content: 0,
        people,
        send_at: draw
            .chance(8)
            .then(|| Duration::from_millis(at + draw.between(500, 15_000))),
        expires_at: (topic != Topic::Blocking && draw.chance(20)).then(|| {
            // Sometimes the end of time, which stores have to keep.
            match draw.chance(10) {
                true => Duration::from_hours(24 * 365 * 10_000),
                false => Duration::from_millis(at + draw.between(500, 20_000)),
            }
        }),
        bus: draw.chance(12),
        patient: draw.chance(60),
        worker: small(draw.below(3)),
    }
}

/// Messages of one tenant in a heap, and a few of another that has its share.
fn flood(draw: &mut Draw, actions: &mut Vec<Action>) {
    let class = Class::ALL[index(draw.below(3))];
    let at = draw.below(TROUBLED - 3_000);
    let greedy = small(draw.below(2));
    let heap = draw.between(60, 110);
    let later = (0..4).map(|_| draw.between(1, 900)).collect::<Vec<_>>();
    let messages = (0..heap)
        .map(|_| (at, greedy))
        .chain(later.into_iter().map(|later| (at + later, 1 - greedy)));
    for (at, tenant) in messages {
        let publishing = Publishing {
            tenant,
            topic: Topic::Ping,
            class,
            order: Order::Unordered,
            key: None,
            content: 0,
            people: vec![3],
            send_at: None,
            expires_at: None,
            bus: false,
            patient: false,
            worker: 0,
        };
        add(actions, at, Do::Publish(publishing));
    }
}

/// What happens beside: old history is purged, strangers write to the bus.
fn house_keep(draw: &mut Draw, actions: &mut Vec<Action>) {
    for _ in 0..draw.below(4) {
        let kind = draw.below(garbage::KINDS);
        add(actions, draw.below(TROUBLED), Do::Garbage { kind });
    }
    for _ in 0..draw.below(4) {
        let ago = Duration::from_millis(draw.below(8_000));
        let limit = u32::from(small(draw.between(1, 40)));
        add(actions, draw.below(TROUBLED), Do::Purge { ago, limit });
    }
}

/// Pauses that begin and end; those that stand at the end of the faults are ended then.
fn hold(draw: &mut Draw, actions: &mut Vec<Action>) {
    for _ in 0..draw.below(3) {
        let tenant = draw.chance(60).then(|| small(draw.below(2)));
        let channel = draw
            .chance(60)
            .then(|| ["ping", "code"][index(draw.below(2))]);
        let at = draw.below(TROUBLED);
        let back = at + draw.between(200, 8_000);
        for (at, on) in [(at, true), (back, false)] {
            let what = Do::Hold {
                tenant,
                channel,
                on,
            };
            add(actions, at.min(TROUBLED), what);
        }
    }
}

/// What operators and webhooks do.
fn operate(draw: &mut Draw, actions: &mut Vec<Action>, publishes: u64) {
    for _ in 0..draw.between(4, 16) {
        let publish = draw.below(publishes);
        let delivery = draw.below(3);
        let foreign = draw.chance(15);
        let what = match draw.below(10) {
            0 | 1 => Do::Cancel {
                publish,
                delivery: draw.chance(50).then_some(delivery),
                foreign,
            },
            2..=4 => Do::Redrive {
                publish,
                delivery,
                times: draw.between(1, 3),
                foreign,
            },
            5 => Do::Suppress {
                tenant: small(draw.below(2)),
                person: small(draw.below(8)),
                on: draw.chance(70),
            },
            6..=8 => Do::Receipt {
                publish,
                delivery,
                kind: draw.below(7),
                by_message: draw.chance(50),
                repeat: draw.chance(30),
                foreign,
            },
            _ => Do::Peek { publish },
        };
        let soon = actions[index(publish)].at.as_millis();
        let soon = u64::try_from(soon).unwrap_or(0);
        let at = if draw.chance(50) {
            soon + draw.below(1_000)
        } else {
            draw.between(soon, TROUBLED + 1)
        };
        add(actions, at.min(TROUBLED), what);
    }
}

fn break_things(draw: &mut Draw, actions: &mut Vec<Action>, workers: u8) {
    for _ in 0..draw.between(1, 12) {
        let at = draw.below(TROUBLED);
        let worker = small(draw.below(u64::from(workers)));
        match draw.below(11) {
            0..=2 => trouble(draw, actions, at, worker),
            3 | 4 => outage(draw, actions, at),
            5 | 6 => {
                add(actions, at, Do::Crash { worker });
                let back = at + draw.between(1, 8_000);
                add(actions, back.min(TROUBLED), Do::Start { worker });
            }
            7 => {
                add(actions, at, Do::Leave { worker });
                let back = at + draw.between(1, 5_000);
                add(actions, back.min(TROUBLED), Do::Start { worker });
            }
            8 => {
                add(actions, at, Do::Pause { worker });
                let back = at + draw.between(100, 9_000);
                add(actions, back.min(TROUBLED), Do::Resume { worker });
            }
            9 => zombie(draw, actions, at, worker),
            _ => {
                let far = i64::try_from(draw.between(100, 30_000)).unwrap_or(0);
                let millis = if draw.chance(50) { far } else { -far };
                add(actions, at, Do::Jump { millis });
            }
        }
    }
}

/// A worker stands still past its lease and wakes while the new owners of its lanes cannot read
/// yet what it left behind.
fn zombie(draw: &mut Draw, actions: &mut Vec<Action>, at: u64, worker: u8) {
    add(actions, at, Do::Pause { worker });
    let slept = draw.between(3_500, 6_000);
    let blind = Trouble {
        worker: None,
        call: Some(Call::Fetch),
        how: How::FailBefore,
        share: 100,
        lasts: Duration::from_millis(slept + draw.below(2_000)),
    };
    add(actions, at + 1, Do::Trouble(blind));
    add(actions, (at + slept).min(TROUBLED), Do::Resume { worker });
}

fn trouble(draw: &mut Draw, actions: &mut Vec<Action>, at: u64, worker: u8) {
    let slow = Duration::from_millis(draw.between(10, 4_000));
    let call = draw
        .weighted(&[
            (20, Some(Call::Accept)),
            (10, Some(Call::HoldLanes)),
            (10, Some(Call::Fetch)),
            (30, Some(Call::Flush)),
            (10, Some(Call::Operate)),
            (10, Some(Call::Bus)),
            (10, None),
        ])
        .flatten();
    let how = draw
        .weighted(&[
            (30, How::FailBefore),
            (40, How::FailAfter),
            (15, How::SlowBefore(slow)),
            (15, How::SlowAfter(slow)),
        ])
        .unwrap_or(How::FailBefore);
    let trouble = Trouble {
        worker: draw.chance(50).then_some(worker),
        call,
        how,
        share: draw.between(20, 101),
        lasts: Duration::from_millis(draw.between(100, 6_000)),
    };
    add(actions, at, Do::Trouble(trouble));
}

fn outage(draw: &mut Draw, actions: &mut Vec<Action>, at: u64) {
    let wait = Duration::from_millis(draw.between(500, 9_000));
    let how = draw
        .weighted(&[
            (40, Outage::Refuses),
            (25, Outage::Silent),
            (30, Outage::Throttles(wait)),
            (5, Outage::Misconfigured),
        ])
        .unwrap_or(Outage::Refuses);
    let lasts = Duration::from_millis(draw.between(500, 20_000));
    let desk = Desk::ALL[index(draw.below(3))];
    add(actions, at, Do::Outage { desk, how, lasts });
}

fn small(value: u64) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

fn index(value: u64) -> usize {
    usize::try_from(value).unwrap_or(0)
}
