use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    name::{ChannelName, ProviderName, TenantId},
    provider::Rate,
};

fn key() -> LimitKey {
    LimitKey::tenant(&TenantId::default())
}

#[test]
fn a_limit_is_never_faster_than_what_was_said() {
    assert_eq!(Limit::per_second(200).interval(), Duration::from_millis(5));
    assert_eq!(
        Limit::per_second(3).interval(),
        Duration::from_micros(333_334)
    );
    let limit = Limit::from(Rate::per_second(3));
    assert_eq!(
        (limit.interval(), limit.burst()),
        (Duration::from_micros(333_334), 3)
    );
    let share = Limit::per_second(200).with_burst(10).share(4);
    assert_eq!(
        (share.interval(), share.burst()),
        (Duration::from_millis(20), 2)
    );
    assert_eq!(Limit::per_second(0), Limit::per_second(1));
}

#[test]
fn a_key_shows_neither_an_account_nor_a_caller() {
    let channel = ChannelName::new("sms").unwrap();
    let provider = ProviderName::new("twilio").unwrap();
    let account = LimitKey::account(&provider, "AC-s3cr3t");
    let route = LimitKey::route("key-s3cr3t", "/v1/events");
    for key in [&account, &route] {
        assert!(!format!("{key:?}{}", key.as_str()).contains("s3cr3t"));
    }
    assert_ne!(account, LimitKey::account(&provider, "AC-other"));
    assert_eq!(account.kind(), "account");
    let provider = LimitKey::provider(&channel, &provider);
    assert_eq!(provider.as_str(), "provider:sms:twilio");
}

#[test]
fn what_is_left_and_when_it_is_back() {
    let mut level = Level::default();
    let ask = Ask::now(key(), Limit::per_second(10).with_burst(3));
    let slots = level.take(&ask, 1_000_000);
    assert_eq!((slots.granted(), slots.left()), (1, 2));
    assert_eq!(slots.full_in(), Duration::from_millis(100));
    level.take(&ask, 1_000_000);
    let slots = level.take(&ask, 1_000_000);
    assert_eq!((slots.granted(), slots.left()), (1, 0));
    let slots = level.take(&ask, 1_000_000);
    assert_eq!(
        (slots.granted(), slots.wait(0)),
        (0, Duration::from_millis(100))
    );
    assert_eq!(slots.full_in(), Duration::from_millis(300));
}

proptest! {
    /// No span of time has more slots than rate and burst allow, whatever is asked for when.
    #[test]
    fn no_span_has_more_slots_than_it_may(
        asks in prop::collection::vec((0..40_000_u64, 0..9_u32, 0..300_u64), 1..120),
        units in 1..200_u32,
        burst in 1..12_u32,
    ) {
        let limit = Limit::per_second(units).with_burst(burst);
        let interval = u64::try_from(limit.interval().as_micros()).unwrap();
        let mut level = Level::default();
        let mut now = 5_000_000;
        let mut used = Vec::new();
        for (passed, units, patience) in asks {
            now += passed;
            let ask = Ask::now(key(), limit)
                .with_units(units)
                .with_patience(Duration::from_millis(patience));
            let slots = level.take(&ask, now);
            prop_assert!(slots.granted() <= units);
            for unit in 0..slots.granted() {
                let wait = slots.wait(unit);
                prop_assert!(wait <= ask.patience);
                used.push(now + u64::try_from(wait.as_micros()).unwrap());
            }
            // What was not granted would not have been in time.
            if slots.granted() < units {
                prop_assert!(slots.wait(slots.granted()) > ask.patience);
            }
        }
        prop_assert!(used.is_sorted());
        for (index, from) in used.iter().enumerate() {
            for (further, to) in used.iter().enumerate().skip(index) {
                let most = (to - from) / interval + u64::from(burst);
                prop_assert!(u64::try_from(further - index + 1).unwrap() <= most);
            }
        }
    }
}
