//! What is in hand, and when to read more.

use super::*;

const MOST: usize = 100;

fn of_tenant(name: &str, count: i64) -> Vec<Ready> {
    let tenant = tenant(name);
    (0..count)
        .map(|position| {
            let mut made = ready(position);
            made.tenant = tenant.clone();
            made
        })
        .collect()
}

fn account(of: &str) -> Account {
    Account {
        channel: channel(EMAIL),
        tenant: tenant(of),
        pool: None,
    }
}

#[test]
fn a_channel_nobody_asked_for_is_let_go() {
    let mut scheduler = Scheduler::new([channel(SMS)].into_iter().collect());
    assert!(!scheduler.admit(ready(1)));
    scheduler.assert_forgot_all();
}

#[test]
fn a_group_that_was_cut_is_well_stocked_until_half_of_it_is_gone() {
    let mut scheduler = scheduler([]);
    scheduler.admit_all(of_tenant("a", 8), 8, MOST);
    let stocked = |scheduler: &Scheduler| scheduler.well_stocked(Class::Standard, MOST).len();
    assert_eq!(
        scheduler.well_stocked(Class::Standard, MOST),
        [account("a")]
    );
    assert!(scheduler.well_stocked(Class::Bulk, MOST).is_empty());
    scheduler.positions(3, ALL);
    assert!(!scheduler.runs_low());
    assert_eq!(stocked(&scheduler), 1);
    scheduler.positions(1, ALL);
    assert!(scheduler.runs_low(), "four of eight are gone");
    assert_eq!(stocked(&scheduler), 0);
}

#[test]
fn a_group_that_was_read_whole_never_runs_low() {
    let mut scheduler = scheduler([]);
    scheduler.admit_all(of_tenant("a", 7), 8, MOST);
    assert!(scheduler.well_stocked(Class::Standard, MOST).is_empty());
    scheduler.positions(7, ALL);
    assert!(!scheduler.runs_low());
}

#[test]
fn the_oldest_of_a_channel_is_found_wherever_it_waits() {
    let since = |position, seconds| {
        let mut made = ready(position);
        made.since = after(seconds);
        made.order_key = 7;
        made
    };
    let mut scheduler = scheduler([since(1, 9), since(2, 5)]);
    assert_eq!(scheduler.oldest(&channel(EMAIL)), Some(after(5)), "gated");
    scheduler.admit({
        let mut made = since(3, 2);
        made.suspicion = 1;
        made
    });
    assert_eq!(scheduler.oldest(&channel(EMAIL)), Some(after(2)), "suspect");
    assert_eq!(scheduler.oldest(&channel(SMS)), None);
}

#[test]
fn a_channel_that_is_full_leaves_the_others_their_space() {
    let mut scheduler = scheduler([]);
    scheduler.admit_all(of_tenant("a", 12), 64, 10);
    assert_eq!(
        waiting(&scheduler, Class::Standard),
        10,
        "two were left in the store"
    );
    assert_eq!(
        scheduler.space(Class::Standard, 10),
        10,
        "all of the other channel"
    );
    assert_eq!(scheduler.well_stocked(Class::Standard, 10), [account("a")]);
    assert!(scheduler.waits_less(Class::Standard, 1, 10));
    let text = {
        let mut made = ready(12);
        made.channel = channel(SMS);
        made
    };
    scheduler.admit_all(vec![text], 64, 10);
    let no_email = Rooms {
        first: [false, true],
        retry: [false, true],
        ..ALL
    };
    assert_eq!(scheduler.positions(2, no_email), [12]);
    scheduler.positions(1, ALL);
    assert!(scheduler.well_stocked(Class::Standard, 10).is_empty());
}
