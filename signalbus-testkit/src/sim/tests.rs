//! The short stories of failures that were found, so that they stay mended.

use std::time::Duration;

use signalbus::{Class, Order};

use super::{
    run::run,
    script::{
        Action, Call, Desk, Do, How, Mode, Outage, Publishing, Script, Setup, Topic, Trouble,
    },
    shrink::shrink,
};
use crate::history::{Invariant, Seen};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// One worker, a provider without bad luck, and these actions at their times.
fn script(actions: Vec<(u64, Do)>) -> Script {
    Script {
        seed: 1,
        mode: Mode::Safety,
        setup: Setup {
            workers: 1,
            lanes: 2,
            slots: 8,
            in_hand: 32,
            window: 8,
            bad_luck: 0,
            calm: false,
            heal: Duration::from_secs(26),
            forever: None,
        },
        actions: (0..)
            .zip(actions)
            .map(|(id, (at, what))| Action {
                id,
                at: MILLIS(at),
                what,
            })
            .collect(),
    }
}

fn publishing(key: u64) -> Publishing {
    Publishing {
        tenant: 0,
        topic: Topic::Ping,
        class: Class::Standard,
        order: Order::Start,
        key: Some(key),
        content: 0,
        people: vec![0],
        send_at: None,
        expires_at: None,
        bus: false,
        patient: true,
        worker: 0,
    }
}

fn trouble(call: Call, how: How, lasts: u64) -> Do {
    Do::Trouble(Trouble {
        worker: None,
        call: Some(call),
        how,
        share: 100,
        lasts: MILLIS(lasts),
    })
}

#[track_caller]
fn holds(actions: Vec<(u64, Do)>) {
    let run = run(&script(actions)).unwrap();
    assert!(run.violations.is_empty(), "{}", run.report(0));
}

/// The answer to the batch that had the conflict was lost, and its position had moved.
#[test]
fn a_conflict_from_the_bus_is_recorded_though_the_answer_of_the_store_is_lost() {
    let over_the_bus = Publishing {
        content: 1,
        bus: true,
        ..publishing(1)
    };
    holds(vec![
        (1_000, Do::Publish(publishing(1))),
        (2_000, trouble(Call::Accept, How::FailAfter, 1_500)),
        (2_100, Do::Publish(over_the_bus)),
    ]);
}

/// The first was due at a time that came again.
#[test]
fn what_was_published_first_goes_first_though_the_clock_goes_back() {
    holds(vec![
        (1_000, trouble(Call::Fetch, How::FailBefore, 2_000)),
        (1_100, Do::Publish(publishing(1))),
        (1_200, Do::Jump { millis: -5_000 }),
        (1_300, Do::Publish(publishing(2))),
    ]);
}

/// What had become due stayed due, so that the worker asked again at once.
#[test]
fn a_store_that_cannot_be_read_is_not_asked_without_a_pause() {
    let outage = Do::Outage {
        desk: Desk::PingA,
        how: Outage::Refuses,
        lasts: MILLIS(3_000),
    };
    let script = script(vec![
        (1_000, outage),
        (1_100, Do::Publish(publishing(1))),
        (1_300, trouble(Call::Fetch, How::FailBefore, 4_000)),
    ]);
    let run = run(&script).unwrap();
    assert!(run.violations.is_empty(), "{}", run.report(0));
    let failed = run.history.events.iter().filter(|event| {
        matches!(
            &event.seen,
            Seen::Fault(crate::history::Broken::Store { .. })
        )
    });
    assert!(failed.count() < 30, "the store was asked too often");
}

#[test]
fn a_failure_is_told_as_a_short_story() {
    let mut actions: Vec<(u64, Do)> = (1..20)
        .map(|key| (key * 100, Do::Publish(publishing(key))))
        .collect();
    actions.push((5_000, Do::Crash { worker: 0 }));
    let mut failed = run(&script(actions)).unwrap();
    assert!(failed.violations.is_empty());
    // As if the checker did not know that the books may differ.
    failed.violations = vec![crate::history::Violation {
        invariant: Invariant::Live,
        delivery: None,
        what: "never happens".to_owned(),
        events: Vec::new(),
    }];
    let all = failed.script.actions.len();
    let same = shrink(failed, 40);
    assert_eq!(same.script.actions.len(), all, "nothing shorter fails");
    let story = same.report(0);
    assert!(
        story.starts_with("seed 1 failed: cargo xtask sim --seed 1\n"),
        "{story}"
    );
}
