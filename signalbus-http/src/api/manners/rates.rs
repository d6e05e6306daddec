use std::{sync::Arc, time::Duration};

use signalbus_core::{
    Clock, Limiter,
    limit::{Ask, Limit, LimitKey, MemoryLimiter, Slots},
};

use crate::api::Rate;

const MINUTE: Duration = Duration::from_secs(60);

/// How often each key may ask each route: in this process, or in all that share a limiter.
#[derive(Debug)]
pub(crate) struct Rates {
    rate: Rate,
    limit: Limit,
    shared: Option<Arc<dyn Limiter>>,
    own: MemoryLimiter,
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
    pub(crate) fn new(rate: Rate, shared: Option<Arc<dyn Limiter>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            rate,
            limit: Limit::per(rate.per_minute, MINUTE).with_burst(rate.burst),
            shared,
            own: MemoryLimiter::with_clock(clock),
        }
    }

    /// Takes one. Where the shared limiter cannot answer this process goes by itself.
    pub(crate) async fn take(&self, key: &str, route: &str) -> Drawn {
        let ask = Ask::now(LimitKey::route(key, route), self.limit);
        let shared = match &self.shared {
            None => None,
            Some(shared) => match shared.take(vec![ask.clone()]).await {
                Ok(slots) => slots.first().copied(),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the shared limiter is away: rates are held by this process alone"
                    );
                    None
                }
            },
        };
        self.drawn(shared.unwrap_or_else(|| self.own.take_one(ask)))
    }

    fn drawn(&self, slots: Slots) -> Drawn {
        Drawn {
            wait: (slots.granted() == 0).then(|| slots.wait(0)),
            left: slots.left(),
            full_in: slots.full_in(),
            quota: self.rate.per_minute,
            window: MINUTE,
        }
    }
}

#[cfg(test)]
mod tests {
    use signalbus_testkit::ManualClock;

    use super::*;

    fn rates(rate: Rate) -> (Arc<ManualClock>, Rates) {
        let clock = Arc::new(ManualClock::default());
        (clock.clone(), Rates::new(rate, None, clock))
    }

    #[tokio::test]
    async fn a_burst_is_taken_and_what_is_more_is_told_when_to_come() {
        let (clock, rates) = rates(Rate::new(60, 3));
        for left in [2, 1, 0] {
            let drawn = rates.take("key", "/a").await;
            assert_eq!((drawn.wait, drawn.left), (None, left));
        }
        let refused = rates.take("key", "/a").await;
        assert_eq!(refused.wait, Some(Duration::from_secs(1)));
        // What was refused was not taken: at the time that was told it is let in.
        clock.advance(Duration::from_secs(1));
        assert_eq!(rates.take("key", "/a").await.wait, None);
        assert!(rates.take("key", "/a").await.wait.is_some());
    }

    #[tokio::test]
    async fn keys_and_routes_do_not_take_from_each_other() {
        let (_, rates) = rates(Rate::new(60, 1));
        assert_eq!(rates.take("key", "/a").await.wait, None);
        assert_eq!(rates.take("key", "/b").await.wait, None);
        assert_eq!(rates.take("other", "/a").await.wait, None);
        assert!(rates.take("key", "/a").await.wait.is_some());
    }

    #[tokio::test]
    async fn two_processes_that_share_a_limiter_have_one_rate_and_go_alone_without_it() {
        use signalbus_core::limit::{LimitError, LimitErrorKind};
        use std::sync::atomic::{AtomicBool, Ordering};

        #[derive(Debug)]
        struct MayBeAway(MemoryLimiter, AtomicBool);

        #[signalbus_core::async_trait]
        impl Limiter for MayBeAway {
            async fn take(&self, asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
                if self.1.load(Ordering::SeqCst) {
                    return Err(LimitError::new(LimitErrorKind::Unavailable, "away"));
                }
                self.0.take(asks).await
            }
        }

        let clock = Arc::new(ManualClock::default());
        let memory = MemoryLimiter::with_clock(clock.clone());
        let shared = Arc::new(MayBeAway(memory, AtomicBool::new(false)));
        let one = || Rates::new(Rate::new(60, 2), Some(shared.clone()), clock.clone());
        let (one, other) = (one(), one());
        assert_eq!(one.take("key", "/a").await.wait, None);
        assert_eq!(other.take("key", "/a").await.wait, None);
        assert!(one.take("key", "/a").await.wait.is_some());
        assert!(other.take("key", "/a").await.wait.is_some());
        shared.1.store(true, Ordering::SeqCst);
        for rates in [one, other] {
            assert_eq!(rates.take("key", "/a").await.wait, None);
            assert_eq!(rates.take("key", "/a").await.wait, None);
            assert!(
                rates.take("key", "/a").await.wait.is_some(),
                "never unlimited"
            );
        }
    }
}
