use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus_core::clock::{Clock, Timestamp, later};
use tokio::sync::oneshot;

/// Stands still until the test moves it. Clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use signalbus::Clock;
/// use signalbus_testkit::clock::ManualClock;
///
/// let clock = ManualClock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.now().duration_since(before).as_secs(), 90);
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    wall: Timestamp,
    monotonic: Duration,
    sleepers: BTreeMap<Sleeper, oneshot::Sender<()>>,
    slept: u64,
}

/// When to wake, and a number that tells sleepers apart.
type Sleeper = (Duration, u64);

impl ManualClock {
    /// A clock that shows this wall time; its monotonic time starts at zero.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                wall: start,
                monotonic: Duration::ZERO,
                sleepers: BTreeMap::new(),
                slept: 0,
            })),
        }
    }

    /// Lets time pass: wall and monotonic time both move, and whoever slept until then wakes.
    /// The woken see the time at the end of the step; see [`ManualClock::advance_to_next`].
    pub fn advance(&self, step: Duration) {
        let mut state = self.lock();
        state.monotonic = state.monotonic.saturating_add(step);
        state.wall = later(state.wall, step);
        let now = state.monotonic;
        while let Some(first) = state.sleepers.first_entry()
            && first.key().0 <= now
        {
            // A sleeper that was dropped meanwhile needs no waking.
            let _ = first.remove().send(());
        }
    }

    /// Lets time pass until the next sleeper wakes and says how long that was; none when nobody
    /// sleeps.
    pub fn advance_to_next(&self) -> Option<Duration> {
        let step = self.next_wakeup()?;
        self.advance(step);
        Some(step)
    }

    /// Lets time pass, sleeper by sleeper, and what they wake do its work in between: an engine sends what becomes
    /// due on the way, retries included. For tests with a real store, where tokio's own time cannot stand still.
    ///
    /// After each step it waits until as many sleep again as before, so that an engine which reads and writes is not
    /// overtaken by its own clock. Who slept and will not sleep again is not waited for longer than a tenth of a
    /// second. Work that neither sleeps nor is done at once, such as a request over a network, is not waited for.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use signalbus::Clock;
    /// use signalbus_testkit::clock::ManualClock;
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::default();
    /// let every_minute = clock.clone();
    /// let ticks = tokio::spawn(async move {
    ///     for _ in 0..3 {
    ///         every_minute.sleep(Duration::from_mins(1)).await;
    ///     }
    ///     every_minute.monotonic()
    /// });
    /// clock.run(Duration::from_hours(1)).await;
    /// assert_eq!(ticks.await.unwrap(), Duration::from_mins(3));
    /// assert_eq!(clock.monotonic(), Duration::from_hours(1));
    /// # }
    /// ```
    pub async fn run(&self, duration: Duration) {
        let end = self.monotonic().saturating_add(duration);
        self.settled(1).await;
        loop {
            let asleep = self.lock().sleepers.len();
            let left = end.saturating_sub(self.monotonic());
            let next = self.next_wakeup().filter(|next| *next <= left);
            self.advance(next.unwrap_or(left));
            self.settled(asleep).await;
            if next.is_none() {
                return;
            }
        }
    }

    /// Waits until so many sleep, while everybody else has had a chance to run.
    #[expect(
        clippy::disallowed_methods,
        reason = "what is waited for is done by other threads, in real time"
    )]
    async fn settled(&self, asleep: usize) {
        const TURNS: usize = 64;
        const PATIENCE: usize = 100;
        for _ in 0..PATIENCE {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            if self.lock().sleepers.len() >= asleep {
                return;
            }
            // What is waited for is done by other threads: a database.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How long until the next sleeper wakes; none when nobody sleeps.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Duration> {
        let state = self.lock();
        let (wake_at, _) = state.sleepers.keys().next()?;
        Some(wake_at.saturating_sub(state.monotonic))
    }

    /// Makes the wall clock jump, as an operator or a time server does. Monotonic time stays, and
    /// nobody wakes.
    pub fn set(&self, wall: Timestamp) {
        self.lock().wall = wall;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    /// Starts on 1 January 2030, so that no test depends on the day it runs.
    fn default() -> Self {
        Self::new(Timestamp::constant(1_893_456_000, 0))
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.lock().wall
    }

    fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }

    async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let (waker, woken) = oneshot::channel();
        let sleeper = {
            let mut state = self.lock();
            state.slept += 1;
            let sleeper = (state.monotonic.saturating_add(duration), state.slept);
            state.sleepers.insert(sleeper, waker);
            sleeper
        };
        let _bed = Bed {
            clock: self,
            sleeper,
        };
        // The clock keeps the sender until it is time.
        let _ = woken.await;
    }
}

/// Takes a sleeper off the list when its future is dropped.
struct Bed<'a> {
    clock: &'a ManualClock,
    sleeper: Sleeper,
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        self.clock.lock().sleepers.remove(&self.sleeper);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::{Pin, pin},
        task::{Context, Waker},
        time::Duration,
    };

    use signalbus_core::clock::{Clock, later};

    use super::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);

    /// Whether a sleep is over.
    fn woke(sleep: &mut Pin<&mut impl Future<Output = ()>>) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        sleep.as_mut().poll(&mut context).is_ready()
    }

    #[test]
    fn sleepers_wake_when_their_time_has_passed_and_not_before() {
        let clock = ManualClock::default();
        let mut one = pin!(clock.sleep(SECOND));
        let mut two = pin!(clock.sleep(2 * SECOND));
        assert!(!woke(&mut one));
        assert!(!woke(&mut two));
        clock.advance(SECOND - Duration::from_nanos(1));
        assert!(!woke(&mut one));
        clock.advance(Duration::from_nanos(1));
        assert!(woke(&mut one));
        assert!(!woke(&mut two));
        assert_eq!(clock.advance_to_next(), Some(SECOND));
        assert!(woke(&mut two));
        assert_eq!(clock.monotonic(), 2 * SECOND);
    }

    #[test]
    fn a_jump_of_the_wall_clock_wakes_nobody() {
        let clock = ManualClock::default();
        let mut sleeper = pin!(clock.sleep(SECOND));
        assert!(!woke(&mut sleeper));
        let tomorrow = later(clock.now(), Duration::from_hours(24));
        clock.set(tomorrow);
        assert!(!woke(&mut sleeper));
        assert_eq!(clock.now(), tomorrow);
        assert_eq!(clock.monotonic(), Duration::ZERO);
    }

    #[test]
    fn a_sleep_that_was_dropped_is_forgotten() {
        let clock = ManualClock::default();
        {
            let mut sleeper = pin!(clock.sleep(SECOND));
            assert!(!woke(&mut sleeper));
            assert_eq!(clock.next_wakeup(), Some(SECOND));
        }
        assert_eq!(clock.next_wakeup(), None);
    }

    #[test]
    fn no_time_at_all_passes_at_once() {
        assert!(woke(&mut pin!(
            ManualClock::default().sleep(Duration::ZERO)
        )));
    }
}
