use std::time::Duration;

use super::EndState;
use crate::{
    clock::{Timestamp, earlier},
    event::Class,
};

/// How long events are kept once they have ended: by how their deliveries ended, and by class.
///
/// ```
/// use std::time::Duration;
/// use signalbus_core::{event::Class, store::Retention};
///
/// let day = Duration::from_hours(24);
/// let retention = Retention::new(30 * day)
///     .class(Class::Bulk, 7 * day)
///     .dead(90 * day)
///     .limit(5_000);
/// # assert_eq!(retention.keeps(signalbus_core::store::EndState::Dead, Class::Bulk), 90 * day);
/// # assert_eq!(retention.keeps(signalbus_core::store::EndState::Accepted, Class::Bulk), 7 * day);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    keep: [[Duration; Class::ALL.len()]; EndState::ALL.len()],
    limit: u32,
}

impl Retention {
    /// The most events that one call forgets, unless [`Retention::limit`] says otherwise.
    pub const LIMIT: u32 = 1_000;

    /// Keeps everything for this long. What is said afterwards says it for a part, and the last word
    /// counts.
    #[must_use]
    pub const fn new(keep: Duration) -> Self {
        Self {
            keep: [[keep; Class::ALL.len()]; EndState::ALL.len()],
            limit: Self::LIMIT,
        }
    }

    /// Keeps what ended so for this long.
    #[must_use]
    pub fn end(mut self, end: EndState, keep: Duration) -> Self {
        self.keep[end.index()] = [keep; Class::ALL.len()];
        self
    }

    /// Keeps what a provider took for this long.
    #[must_use]
    pub fn accepted(self, keep: Duration) -> Self {
        self.end(EndState::Accepted, keep)
    }

    /// Keeps what is dead for this long.
    #[must_use]
    pub fn dead(self, keep: Duration) -> Self {
        self.end(EndState::Dead, keep)
    }

    /// Keeps what is of this class for this long.
    #[must_use]
    pub fn class(mut self, class: Class, keep: Duration) -> Self {
        for of_end in &mut self.keep {
            of_end[class.index()] = keep;
        }
        self
    }

    /// Forgets at most this many events at once: some thousand, so that nobody waits long.
    #[must_use]
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// At most this many events at once.
    #[must_use]
    pub const fn most(&self) -> u32 {
        self.limit
    }

    /// How long a delivery of this class is kept that ended so.
    #[must_use]
    pub fn keeps(&self, end: EndState, class: Class) -> Duration {
        self.keep[end.index()][class.index()]
    }

    /// What ended before this time may go.
    #[must_use]
    pub fn before(&self, end: EndState, class: Class, now: Timestamp) -> Timestamp {
        earlier(now, self.keeps(end, class))
    }

    /// Nothing that was accepted at or after this time may go.
    #[must_use]
    pub fn accepted_before(&self, now: Timestamp) -> Timestamp {
        let shortest = self.keep.iter().flatten().min();
        earlier(now, shortest.copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn the_last_word_counts() {
        let retention = Retention::new(30 * DAY)
            .dead(90 * DAY)
            .class(Class::Bulk, 7 * DAY);
        assert_eq!(retention.keeps(EndState::Dead, Class::Bulk), 7 * DAY);
        assert_eq!(retention.keeps(EndState::Dead, Class::Urgent), 90 * DAY);
        assert_eq!(retention.keeps(EndState::Expired, Class::Urgent), 30 * DAY);
    }

    #[test]
    fn nothing_is_looked_at_that_is_younger_than_the_shortest_time() {
        let now = Timestamp::from_second(1_000_000_000).unwrap();
        let retention = Retention::new(30 * DAY).accepted(DAY);
        assert_eq!(retention.accepted_before(now), earlier(now, DAY));
        let for_ever = Retention::new(Duration::MAX);
        assert_eq!(for_ever.accepted_before(now), Timestamp::MIN);
    }
}
