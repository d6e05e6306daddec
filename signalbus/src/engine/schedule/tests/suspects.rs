//! What was in flight in a crash.

use super::{order::suspect, *};

fn suspected(position: i64, suspicion: u32, on: usize) -> Ready {
    let mut made = suspect(position);
    made.suspicion = suspicion;
    made.channel = channel(on);
    made
}

fn on(position: i64, on: usize) -> Ready {
    let mut made = ready(position);
    made.channel = channel(on);
    made
}

/// Room but for one lineup, of which something is in flight.
fn busy(lineup: usize) -> Rooms {
    let mut room = ALL;
    room.idle[lineup] = false;
    room
}

#[test]
fn after_one_crash_a_few_are_tried_at_once_beside_the_rest() {
    let suspects = (0..50).map(|position| suspected(position, 1, EMAIL));
    let mut scheduler = scheduler(suspects.chain([on(50, EMAIL), on(51, SMS)]));
    let together: Vec<i64> = (0..32).collect();
    assert_eq!(scheduler.positions(32, busy(EMAIL)), together);
    assert_eq!(scheduler.positions(9, busy(EMAIL)), [50, 51]);
    scheduler.done(&suspected(7, 1, EMAIL));
    assert_eq!(scheduler.positions(9, busy(EMAIL)), [32], "one more");
}

#[test]
fn those_of_a_channel_without_room_hold_up_nobody() {
    for suspicion in [1, 2] {
        let hanging = suspected(1, suspicion, EMAIL);
        let mut scheduler = scheduler([hanging, suspected(2, 1, SMS), on(3, SMS)]);
        let only_sms = Rooms {
            first: [false, true],
            ..ALL
        };
        assert_eq!(scheduler.positions(9, only_sms), [2, 3]);
    }
}

#[test]
fn after_two_crashes_each_is_tried_alone_and_other_lineups_go_on() {
    let alone = [suspected(1, 2, EMAIL), suspected(2, 3, EMAIL)];
    let rest = [on(3, EMAIL), on(4, SMS), on(5, SMS), on(6, EMAIL)];
    let mut scheduler = scheduler(alone.clone().into_iter().chain(rest));
    // Its lineup is not idle yet, and begins nothing more.
    assert_eq!(scheduler.positions(1, busy(EMAIL)), [4]);
    let picked = scheduler.picked(ALL).unwrap();
    assert!(picked.alone);
    assert_eq!(picked.ready.position, Position(1));
    assert_eq!(scheduler.positions(9, busy(EMAIL)), [5]);
    scheduler.done(&alone[0]);
    // Then it is the turn of the rest, for a round.
    assert_eq!(scheduler.positions(1, ALL), [3]);
    assert_eq!(scheduler.positions(9, ALL), [2]);
    scheduler.done(&alone[1]);
    assert_eq!(scheduler.positions(9, ALL), [6]);
}

#[test]
fn no_two_suspects_are_in_flight_when_one_is_tried_alone() {
    let first = suspected(1, 1, SMS);
    let mut scheduler = scheduler([first.clone()]);
    assert_eq!(scheduler.positions(1, ALL), [1]);
    for other in [suspected(2, 2, EMAIL), suspected(3, 1, SMS), on(4, EMAIL)] {
        scheduler.admit(other);
    }
    // The lineup goes on as long as another suspect is in flight elsewhere; no other begins.
    assert_eq!(scheduler.positions(9, busy(SMS)), [4]);
    scheduler.done(&first);
    assert_eq!(scheduler.positions(9, ALL), [2]);
    scheduler.done(&suspected(2, 2, EMAIL));
    assert_eq!(scheduler.positions(9, ALL), [3]);
}

#[test]
fn a_lineup_that_made_way_for_nothing_goes_on() {
    let mut scheduler = scheduler([suspected(1, 2, EMAIL), on(2, EMAIL)]);
    assert_eq!(scheduler.positions(9, busy(EMAIL)), NOTHING);
    scheduler.forget_lanes(&[LaneId::from_stored(0)]);
    scheduler.admit(on(3, EMAIL));
    assert_eq!(scheduler.positions(9, busy(EMAIL)), [3]);
}
