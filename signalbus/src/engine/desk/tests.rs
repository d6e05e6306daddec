use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use signalbus_testkit::ManualClock;

use super::*;
use crate::{
    entropy::Entropy,
    limit::{LimitError, LimitErrorKind, MemoryLimiter},
    name::TenantId,
};

fn key() -> LimitKey {
    LimitKey::tenant(&TenantId::default())
}

/// A desk whose answers are there when it is asked, as the limiter is in this process.
async fn ask(desk: &mut Desk, now: Duration) {
    desk.ask(now);
    if desk.asking.is_some() {
        desk.answered().await;
        desk.collect(now);
    }
}

#[tokio::test]
async fn no_more_is_reserved_than_waits() {
    let clock = Arc::new(ManualClock::default());
    let limiter = Arc::new(MemoryLimiter::with_clock(clock.clone()));
    let mut desk = Desk::new(Some(limiter.clone()), clock.clone());
    let limit = Limit::per_second(200).with_burst(100);
    let now = clock.monotonic();
    desk.want(&key(), limit, 3, now);
    ask(&mut desk, now).await;
    assert_eq!(desk.in_hand(&key()), 3);
    // Twenty are what the limit allows in 100 ms.
    desk.want(&key(), limit, 1_000, now);
    ask(&mut desk, now).await;
    assert_eq!(desk.in_hand(&key()), 20);
}

#[tokio::test]
async fn what_is_not_used_in_time_is_given_up() {
    let clock = Arc::new(ManualClock::default());
    let limiter = Arc::new(MemoryLimiter::with_clock(clock.clone()));
    let mut desk = Desk::new(Some(limiter), clock.clone());
    let limit = Limit::per_second(10).with_burst(5);
    let now = clock.monotonic();
    desk.want(&key(), limit, 5, now);
    ask(&mut desk, now).await;
    assert!(desk.is_ready(&key(), now));
    let late = now + AHEAD + Duration::from_millis(1);
    assert!(!desk.is_ready(&key(), late));
    desk.collect(late);
    assert_eq!(desk.in_hand(&key()), 0);
}

#[derive(Debug, Default)]
struct Broken(Mutex<u32>);

#[async_trait]
impl Limiter for Broken {
    async fn take(&self, _asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
        *self.0.lock().unwrap() += 1;
        Err(LimitError::new(LimitErrorKind::Unavailable, "away"))
    }
}

#[tokio::test]
async fn a_limiter_that_fails_gives_nothing_and_is_left_alone_for_a_while() {
    let clock = Arc::new(ManualClock::default());
    let broken = Arc::new(Broken::default());
    let mut desk = Desk::new(Some(broken.clone()), clock.clone());
    let limit = Limit::per_second(10);
    let now = clock.monotonic();
    for _ in 0..10 {
        desk.want(&key(), limit, 5, now);
        ask(&mut desk, now).await;
        assert!(!desk.is_ready(&key(), now));
    }
    assert_eq!(*broken.0.lock().unwrap(), 1);
    assert_eq!(desk.next_at(now), Some(now + AGAIN));
    let later = now + AGAIN;
    desk.want(&key(), limit, 5, later);
    ask(&mut desk, later).await;
    assert_eq!(*broken.0.lock().unwrap(), 2);
}

/// Several desks at one limiter, each looking at times of its own: what starts in any second, counted
/// when it starts.
#[tokio::test]
async fn all_desks_together_keep_the_limit_and_use_it() {
    for seed in 0..20 {
        let clock = Arc::new(ManualClock::default());
        let limiter = Arc::new(MemoryLimiter::with_clock(clock.clone()));
        let desk = || {
            Desk::new(
                Some(limiter.clone() as Arc<dyn Limiter>),
                clock.clone() as _,
            )
        };
        let mut desks = [desk(), desk(), desk(), desk()];
        let limit = Limit::per_second(200).with_burst(30);
        let chance = Entropy::from_seed(seed);
        let from = clock.monotonic();
        let mut next: BTreeMap<(Duration, usize), ()> =
            (0..4).map(|one| ((from, one), ())).collect();
        let mut starts: Vec<Duration> = Vec::new();
        while let Some(((at, one), ())) = next.pop_first() {
            if at > from + Duration::from_secs(5) {
                break;
            }
            clock.advance(at.saturating_sub(clock.monotonic()));
            let desk = &mut desks[one];
            desk.collect(at);
            while desk.is_ready(&key(), at) {
                desk.start(&key(), at);
                starts.push(at);
            }
            desk.want(&key(), limit, 1_000, at);
            ask(desk, at).await;
            // Up to 40 ms until it looks again.
            let pause = Duration::from_secs_f64(chance.fraction() * 0.04);
            next.insert((at + pause.max(Duration::from_micros(100)), one), ());
        }
        for (index, start) in starts.iter().enumerate() {
            let within = starts[index..]
                .iter()
                .take_while(|other| **other < *start + Duration::from_secs(1));
            assert!(within.count() <= 230, "at {start:?} with {seed}");
        }
        let used = starts.len();
        assert!(used >= 950, "{used} of 1000 with {seed}");
    }
}
