//! Classes by weight, tenants in turn, channels for themselves.

use super::*;

fn of_class(class: Class, positions: std::ops::Range<i64>) -> impl Iterator<Item = Ready> {
    positions.map(move |position| {
        let mut made = ready(position);
        made.class = class;
        made
    })
}

fn of_tenant(name: &str, positions: std::ops::Range<i64>) -> impl Iterator<Item = Ready> {
    let tenant = tenant(name);
    positions.map(move |position| {
        let mut made = ready(position);
        made.tenant = tenant.clone();
        made
    })
}

fn count(picked: &[Ready], class: Class) -> usize {
    picked.iter().filter(|ready| ready.class == class).count()
}

#[test]
fn classes_are_served_by_weight_and_bulk_never_starves() {
    let mut scheduler = scheduler(
        of_class(Class::Bulk, 0..300)
            .chain(of_class(Class::Standard, 300..600))
            .chain(of_class(Class::Urgent, 600..900)),
    );
    let picked: Vec<Ready> = (0..210).map_while(|_| scheduler.next(ALL)).collect();
    assert_eq!(count(&picked, Class::Urgent), 160);
    assert_eq!(count(&picked, Class::Standard), 40);
    assert_eq!(count(&picked, Class::Bulk), 10);
    for round in picked.chunks(21) {
        assert_eq!(count(round, Class::Bulk), 1, "one in each round");
    }
}

#[test]
fn no_class_loses_its_turn_while_there_is_no_room() {
    let mut scheduler =
        scheduler(of_class(Class::Bulk, 0..30).chain(of_class(Class::Urgent, 30..400)));
    let full = Rooms {
        first: [false; 2],
        retry: [false; 2],
        ..ALL
    };
    let mut picked = Vec::new();
    while picked.len() < 170 {
        // A slot becomes free, and is taken, one by one.
        picked.extend(scheduler.next(ALL));
        assert!(scheduler.next(full).is_none());
    }
    assert_eq!(count(&picked, Class::Bulk), 10);
}

#[test]
fn a_class_alone_gets_everything_and_saves_nothing_up() {
    let mut scheduler = scheduler(of_class(Class::Bulk, 0..1_000));
    assert_eq!(scheduler.positions(500, ALL).len(), 500);
    for ready in of_class(Class::Urgent, 1_000..1_100) {
        scheduler.admit(ready);
    }
    let picked: Vec<Ready> = (0..17).map_while(|_| scheduler.next(ALL)).collect();
    assert_eq!(count(&picked, Class::Urgent), 16);
    assert_eq!(count(&picked, Class::Bulk), 1);
}

#[test]
fn tenants_take_turns_by_weight() {
    let mut scheduler = scheduler(of_tenant("a", 0..100).chain(of_tenant("b", 100..200)));
    let weight = |tenant: &TenantId| if tenant.as_str() == "a" { 3 } else { 1 };
    let mut room = ALL;
    let turns: String = (0..12)
        .filter_map(|_| scheduler.pick(&weight, &mut room))
        .map(|picked| picked.ready.tenant.to_string())
        .collect();
    assert_eq!(turns, "aaabaaabaaab");
}

#[test]
fn a_weight_of_zero_counts_as_one() {
    let mut scheduler = scheduler(of_tenant("a", 0..2).chain(of_tenant("b", 2..4)));
    let mut room = ALL;
    let turns: String = (0..4)
        .filter_map(|_| scheduler.pick(&|_| 0, &mut room))
        .map(|picked| picked.ready.tenant.to_string())
        .collect();
    assert_eq!(turns, "abab");
}

#[test]
fn thousands_of_one_tenant_do_not_delay_ten_of_another() {
    let mut scheduler = scheduler(of_tenant("a", 0..5_000).chain(of_tenant("b", 5_000..5_010)));
    let picked = scheduler.positions(20, ALL);
    let of_b = picked.iter().filter(|position| **position >= 5_000).count();
    assert_eq!(of_b, 10);
}

#[test]
fn a_channel_without_room_blocks_only_itself() {
    let mut scheduler = scheduler([
        {
            let mut made = ready(1);
            made.class = Class::Urgent;
            made
        },
        {
            let mut made = ready(2);
            made.class = Class::Bulk;
            made.channel = channel(SMS);
            made
        },
        ready(3),
    ]);
    let no_email = Rooms {
        first: [false, true],
        retry: [false, true],
        ..ALL
    };
    assert_eq!(scheduler.positions(3, no_email), [2]);
    assert!(!scheduler.is_empty(), "the mails wait");
    assert_eq!(scheduler.positions(3, ALL), [1, 3]);
}

#[test]
fn channels_of_a_class_take_turns() {
    let mut scheduler = scheduler((0..6).map(|position| {
        let mut made = ready(position);
        made.channel = channel(if position < 3 { EMAIL } else { SMS });
        made
    }));
    assert_eq!(scheduler.positions(6, ALL), [0, 3, 1, 4, 2, 5]);
}

#[test]
fn retries_without_a_budget_wait_and_first_tries_go_on() {
    let retry = {
        let mut made = ready(1);
        made.attempt = 1;
        made.tries = 1;
        made
    };
    let mut scheduler = scheduler([retry, ready(2)]);
    let no_retry = Rooms {
        first: [true; 2],
        retry: [false; 2],
        ..ALL
    };
    assert_eq!(scheduler.positions(2, no_retry), [2]);
    assert_eq!(scheduler.positions(2, ALL), [1]);
}

#[test]
fn a_retry_goes_before_the_first_tries_of_its_tenant() {
    let retry = {
        let mut made = ready(2);
        made.attempt = 1;
        made.tries = 1;
        made
    };
    let mut scheduler = scheduler([ready(1), retry]);
    assert_eq!(scheduler.positions(2, ALL), [2, 1]);
}

#[test]
fn a_retry_speaks_for_the_provider_only_when_there_is_no_first_try() {
    let retry = {
        let mut made = ready(1);
        made.attempt = 1;
        made.tries = 1;
        made
    };
    let mut scheduler = scheduler([retry, ready(2)]);
    let probing = Rooms {
        probing: true,
        ..ALL
    };
    assert_eq!(scheduler.positions(2, probing), [2, 1]);
}
