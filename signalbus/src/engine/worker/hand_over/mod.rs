//! Every way in which lanes can change hands, tried: a search over all states that two or three
//! workers can reach with the real rules of lanes and claims, of the store and of the worker.
//!
//! Workers renew, read, claim, send and write at any time, also much too late: whoever does
//! nothing while time passes has stalled. They crash and start again, leave, and lose answers.

mod given;
mod key;
mod search;
mod world;

use search::{Found, search};
use world::{Bounds, Guard};

/// One worker takes over from the other that dies, or stalls.
const TWO: Bounds = Bounds {
    workers: 2,
    lanes: 1,
    channels: 1,
    deliveries: 1,
    crashes: 1,
    lost_answers: 0,
    departures: 0,
};

/// The same, and answers are late or lost, and workers leave.
const UNHEARD: Bounds = Bounds {
    crashes: 0,
    lost_answers: 1,
    departures: 1,
    ..TWO
};

/// Lanes are shared out, moved, and shared out again.
const SHARING: Bounds = Bounds {
    workers: 2,
    lanes: 2,
    channels: 1,
    deliveries: 1,
    crashes: 0,
    lost_answers: 0,
    departures: 1,
};

/// Somebody goes short.
const THREE: Bounds = Bounds {
    workers: 3,
    lanes: 2,
    channels: 1,
    deliveries: 0,
    crashes: 1,
    lost_answers: 0,
    departures: 0,
};

/// One sends on one channel, the other on both.
const CHANNELS: Bounds = Bounds {
    workers: 2,
    lanes: 1,
    channels: 2,
    deliveries: 2,
    crashes: 1,
    lost_answers: 0,
    departures: 0,
};

fn is_sound(bounds: Bounds, least: usize) {
    match search(bounds, Guard::default()) {
        Found::Nothing { states, rounds } => {
            eprintln!("{states} states, at rest after {rounds} rounds at most: {bounds:?}");
            assert!(states >= least, "only {states} states were reached");
        }
        Found::Violation(story) => panic!("{story}"),
    }
}

fn is_caught(guard: Guard) {
    let Found::Violation(story) = search(UNHEARD, guard) else {
        panic!("nothing was found without {guard:?}");
    };
    assert!(story.lines().count() <= 14, "the story is long: {story}");
}

#[test]
fn one_worker_takes_over_from_another() {
    is_sound(TWO, 5_000);
}

#[test]
fn answers_come_late_or_never() {
    is_sound(UNHEARD, 5_000);
}

#[test]
fn lanes_are_shared_out() {
    is_sound(SHARING, 5_000);
}

#[test]
fn nobody_goes_short_among_three() {
    is_sound(THREE, 1_000);
}

#[test]
fn workers_of_some_channels_hand_over() {
    is_sound(CHANNELS, 5_000);
}

#[test]
fn without_the_check_of_the_epoch_two_owners_write() {
    is_caught(Guard {
        epochs: false,
        ..Guard::default()
    });
}

#[test]
fn without_a_look_at_the_lease_a_worker_sends_for_another() {
    is_caught(Guard {
        leases: false,
        ..Guard::default()
    });
}
