//! Order keys, suspects and lanes.

use super::*;

fn of_key(key: u64, order: Order, position: i64) -> Ready {
    let mut made = ready(position);
    made.order_key = key;
    made.order = order;
    made
}

pub(super) fn suspect(position: i64) -> Ready {
    let mut made = ready(position);
    made.suspicion = 1;
    made.attempt = 1;
    made
}

#[test]
fn one_of_a_key_at_a_time_lowest_position_first() {
    for order in [Order::Start, Order::Strict, Order::StrictBlocking] {
        let mut scheduler = scheduler([1, 4, 3, 2].map(|position| of_key(7, order, position)));
        assert_eq!(waiting(&scheduler, Class::Standard), 4);
        let mut seen = Vec::new();
        while let Some(ready) = scheduler.next(ALL) {
            assert_eq!(scheduler.positions(1, ALL), NOTHING, "the next one waits");
            seen.push(ready.position.0);
            scheduler.done(&ready);
        }
        assert_eq!(seen, [1, 2, 3, 4], "{order:?}");
        scheduler.assert_forgot_all();
    }
}

#[test]
fn the_next_of_a_key_does_not_queue_again() {
    let mut scheduler = scheduler([
        of_key(7, Order::Start, 1),
        of_key(7, Order::Start, 2),
        ready(3),
    ]);
    let first = scheduler.next(ALL).unwrap();
    scheduler.done(&first);
    assert_eq!(scheduler.positions(2, ALL), [2, 3]);
}

#[test]
fn without_order_all_go_at_once() {
    let mut scheduler = scheduler((1..=3).map(|at| of_key(7, Order::Unordered, at)));
    assert_eq!(scheduler.positions(5, ALL), [1, 2, 3]);
}

#[test]
fn a_held_key_forgets_its_successors_until_the_store_offers_them_again() {
    let mut scheduler = scheduler((1..=3).map(|at| of_key(7, Order::Strict, at)));
    let head = scheduler.next(ALL).unwrap();
    scheduler.release(&head, Left::Open);
    assert_eq!(scheduler.positions(1, ALL), NOTHING);
    assert_eq!(waiting(&scheduler, Class::Standard), 0);
    scheduler.settled(head.position);
    scheduler.assert_forgot_all();
    assert!(scheduler.admit(of_key(7, Order::Strict, 2)));
    assert!(scheduler.admit(of_key(7, Order::Strict, 1)));
}

#[test]
fn a_key_that_goes_on_does_not_disturb_another() {
    let mut scheduler = scheduler([
        of_key(7, Order::Strict, 1),
        of_key(7, Order::Strict, 2),
        of_key(8, Order::Strict, 3),
        of_key(8, Order::Strict, 4),
    ]);
    let heads = [scheduler.next(ALL).unwrap(), scheduler.next(ALL).unwrap()];
    scheduler.release(&heads[0], Left::Open);
    scheduler.release(&heads[1], Left::Done);
    assert_eq!(scheduler.positions(2, ALL), [4]);
}

#[test]
fn the_same_position_twice_is_one_delivery() {
    let mut scheduler = scheduler([ready(1)]);
    assert!(!scheduler.admit(ready(1)));
    let out = scheduler.next(ALL).unwrap();
    assert!(!scheduler.admit(ready(1)), "it is out");
    assert_eq!(scheduler.positions(1, ALL), NOTHING);
    scheduler.release(&out, Left::Done);
    assert!(!scheduler.admit(ready(1)), "its result is not written yet");
    scheduler.settled(out.position);
    assert!(scheduler.admit(ready(1)));
}

#[test]
fn a_suspect_that_is_held_takes_its_successors_along() {
    let head = {
        let mut made = suspect(1);
        made.order_key = 7;
        made.order = Order::Strict;
        made
    };
    for (successor, goes) in [
        (Order::Strict, &[4][..]),
        (Order::StrictBlocking, &[4]),
        (Order::Start, &[2, 4]),
    ] {
        let mut scheduler = scheduler([
            head.clone(),
            of_key(7, successor, 2),
            of_key(7, Order::Strict, 3),
            ready(4),
        ]);
        let picked = scheduler.next(ALL).unwrap();
        assert_eq!(picked.position, head.position);
        scheduler.release(&picked, Left::Open);
        assert_eq!(
            scheduler.positions(3, ALL),
            goes,
            "behind it: {successor:?}"
        );
    }
}

/// What waits decides by its own order whether it goes on, however the one before it is ordered.
#[test]
fn orders_may_be_mixed() {
    let all = [Order::Start, Order::Strict, Order::StrictBlocking];
    for head in all {
        for (left, held) in [
            (Left::Done, &[][..]),
            (Left::Dead, &[Order::StrictBlocking]),
            (Left::Open, &[Order::Strict, Order::StrictBlocking]),
        ] {
            for successor in all {
                let mut scheduler = scheduler([of_key(7, head, 1), of_key(7, successor, 2)]);
                let first = scheduler.next(ALL).unwrap();
                scheduler.release(&first, left);
                let goes = scheduler.positions(1, ALL) == [2];
                let expected = !held.contains(&successor);
                assert_eq!(goes, expected, "{successor:?} after {head:?}, {left:?}");
            }
        }
    }
}

#[test]
fn those_that_may_go_pass_those_that_wait() {
    let mut scheduler = scheduler([
        of_key(7, Order::Start, 1),
        of_key(7, Order::Strict, 2),
        of_key(7, Order::Start, 3),
        of_key(7, Order::Start, 4),
    ]);
    let head = scheduler.next(ALL).unwrap();
    scheduler.release(&head, Left::Open);
    let next = scheduler.next(ALL).unwrap();
    assert_eq!(next.position, Position(3));
    assert_eq!(scheduler.positions(1, ALL), NOTHING, "one at a time");
    scheduler.done(&next);
    assert_eq!(scheduler.positions(1, ALL), [4]);
    assert!(
        scheduler.admit(of_key(7, Order::Strict, 2)),
        "offered again"
    );
}

#[test]
fn what_expired_is_taken_unless_it_waits_behind_a_gate() {
    let expiring = |position, key, seconds| {
        let mut made = ready(position);
        made.order_key = key;
        made.expires_at = Some(after(seconds));
        made
    };
    let mut scheduler = scheduler([
        expiring(1, 7, 10),
        expiring(2, 7, 5),
        expiring(3, 8, 5),
        expiring(4, 9, 6),
        {
            let mut made = suspect(5);
            made.expires_at = Some(after(5));
            made
        },
    ]);
    let mut taken = |now| -> Vec<i64> {
        let expired = scheduler.take_expired(after(now));
        let positions = expired.iter().map(|ready| ready.position.0).collect();
        expired.iter().for_each(|ready| scheduler.done(ready));
        positions
    };
    assert_eq!(taken(4), NOTHING);
    assert_eq!(taken(5), [3, 5], "2 is behind 1");
    assert_eq!(taken(5), NOTHING, "once");
    assert_eq!(taken(10), [4, 1]);
    assert_eq!(taken(10), [2], "its gate is open now");
    scheduler.assert_forgot_all();
}

#[test]
fn what_is_out_does_not_expire() {
    let mut scheduler = scheduler([{
        let mut made = ready(1);
        made.expires_at = Some(after(1));
        made
    }]);
    let out = scheduler.next(ALL).unwrap();
    assert!(scheduler.take_expired(after(9)).is_empty());
    scheduler.done(&out);
    scheduler.assert_forgot_all();
}

#[test]
fn a_lost_lane_is_forgotten_and_what_is_out_keeps_its_gate() {
    let in_lane = |lane, ready: Ready| {
        let mut made = ready;
        made.lane = LaneId::from_stored(lane);
        made
    };
    let mut suspect_on_sms = suspect(4);
    suspect_on_sms.channel = channel(SMS);
    let mut scheduler = scheduler([
        in_lane(1, of_key(7, Order::Start, 1)),
        in_lane(1, of_key(7, Order::Start, 2)),
        in_lane(1, ready(3)),
        in_lane(1, suspect_on_sms),
        in_lane(2, ready(5)),
    ]);
    let only_email = Rooms {
        first: [true, false],
        ..ALL
    };
    let out = scheduler.next(only_email).unwrap();
    assert_eq!(out.position, Position(1));
    scheduler.forget_lanes(&[LaneId::from_stored(1)]);
    assert!(scheduler.suspects.is_empty());
    assert_eq!(waiting(&scheduler, Class::Standard), 1);
    assert_eq!(scheduler.positions(5, ALL), [5]);
    assert!(scheduler.admit(in_lane(1, of_key(7, Order::Start, 2))));
    assert_eq!(scheduler.positions(5, ALL), NOTHING, "1 is still out");
    scheduler.done(&out);
    assert_eq!(scheduler.positions(5, ALL), [2]);
}
