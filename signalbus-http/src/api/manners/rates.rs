use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::api::Rate;

const MINUTE: Duration = Duration::from_secs(60);
/// Beyond this many keys and routes those that are full again are forgotten.
const MANY: usize = 10_000;

/// How often each key may ask each route, in this process. A generic cell rate algorithm: one time for
/// each key and route, at which all it may ask has come back.
#[derive(Debug)]
pub(crate) struct Rates {
    rate: Rate,
    full_at: Mutex<HashMap<(String, String), Duration>>,
}

/// What a request took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// When to come again, if it comes too early.
    pub(crate) wait: Option<Duration>,
    /// How many more may come at once.
    pub(crate) left: u32,
    /// How long it takes until all have come back.
    pub(crate) full_in: Duration,
    /// How many may come in `window`.
    pub(crate) quota: u32,
    /// In which time.
    pub(crate) window: Duration,
}

impl Rates {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            full_at: Mutex::default(),
        }
    }

    /// Takes one at `now`, on a monotonic clock.
    pub(crate) fn take(&self, key: &str, route: &str, now: Duration) -> Drawn {
        let each = MINUTE / self.rate.per_minute;
        let room = each * self.rate.burst;
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MANY {
            all.retain(|_, full_at| *full_at > now);
        }
        let full_at = all.entry((key.to_owned(), route.to_owned())).or_insert(now);
        let next = (*full_at).max(now) + each;
        let wait = next.saturating_sub(now + room);
        let wait = (!wait.is_zero()).then_some(wait);
        if wait.is_none() {
            *full_at = next;
        }
        let full_in = full_at.saturating_sub(now);
        let left = room.saturating_sub(full_in).as_nanos() / each.as_nanos().max(1);
        Drawn {
            wait,
            left: u32::try_from(left).unwrap_or(u32::MAX),
            full_in,
            quota: self.rate.per_minute,
            window: MINUTE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_000);

    #[test]
    fn a_burst_is_taken_and_what_is_more_is_told_when_to_come() {
        let rates = Rates::new(Rate::new(60, 3));
        for left in [2, 1, 0] {
            let drawn = rates.take("key", "/a", START);
            assert_eq!((drawn.wait, drawn.left), (None, left));
        }
        let refused = rates.take("key", "/a", START);
        assert_eq!(refused.wait, Some(Duration::from_secs(1)));
        // What was refused was not taken: at the time that was told it is let in.
        let later = START + Duration::from_secs(1);
        assert_eq!(rates.take("key", "/a", later).wait, None);
        assert!(rates.take("key", "/a", later).wait.is_some());
    }

    #[test]
    fn keys_and_routes_do_not_take_from_each_other() {
        let rates = Rates::new(Rate::new(60, 1));
        assert_eq!(rates.take("key", "/a", START).wait, None);
        assert_eq!(rates.take("key", "/b", START).wait, None);
        assert_eq!(rates.take("other", "/a", START).wait, None);
        assert!(rates.take("key", "/a", START).wait.is_some());
    }

    #[test]
    fn never_more_than_burst_and_rate_whatever_the_times() {
        let rate = Rate::new(120, 5);
        let rates = Rates::new(rate);
        let entropy = signalbus_core::Entropy::from_seed(3);
        let (mut now, mut taken) = (START, 0_u32);
        for _ in 0..2_000 {
            now += Duration::from_secs_f64(entropy.fraction() * 0.9);
            if rates.take("key", "/a", now).wait.is_none() {
                taken += 1;
            }
            let most = (now - START).as_secs_f64() * 2.0 + 5.0;
            assert!(f64::from(taken) <= most + 1e-6);
        }
        // It was asked more often than allowed, so nearly all that was allowed was taken.
        assert!(f64::from(taken) > (now - START).as_secs_f64() * 1.5);
    }
}
