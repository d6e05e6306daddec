use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Names a counter: the engine's own, opaque to stores. What is counted (a recipient's day, a tenant's
/// month) is hashed into it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CounterKey(pub [u8; 16]);

impl fmt::Debug for CounterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CounterKey({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// A part of an allowance that a claim takes: "no more than three texts a day", say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Take {
    /// From which counter.
    pub counter: CounterKey,
    /// How much.
    pub amount: u32,
    /// How much all claims may take together until `until`.
    pub limit: u64,
    /// When the counter begins anew. A counter that is there keeps the time it began with.
    pub until: Timestamp,
}

impl Take {
    /// So much of a counter that gives no more than `limit` until then.
    #[must_use]
    pub const fn new(counter: CounterKey, amount: u32, limit: u64, until: Timestamp) -> Self {
        Self {
            counter,
            amount,
            limit,
            until,
        }
    }
}

/// Puts right what a claim took, when it is known what the send used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refund {
    /// To which counter.
    pub counter: CounterKey,
    /// How much is given back; negative for what was used beyond the estimate, even beyond the limit.
    pub amount: i64,
}

impl Refund {
    /// So much goes back.
    #[must_use]
    pub const fn new(counter: CounterKey, amount: i64) -> Self {
        Self { counter, amount }
    }
}

/// How far counters are used up, and until when.
pub type Counters = BTreeMap<CounterKey, (u64, Timestamp)>;

/// Takes all of these, or nothing and says until when the claim has to wait. For stores: pure, over the
/// counters that the transaction has locked.
///
/// # Errors
/// The latest time at which a counter begins anew that has too little left.
pub fn take_all(counters: &mut Counters, takes: &[Take], now: Timestamp) -> Result<(), Timestamp> {
    let mut after = Counters::new();
    let mut wait = None;
    for take in takes {
        let known = counters.get(&take.counter).copied();
        let (used, until) = after
            .entry(take.counter)
            .or_insert(known.unwrap_or((0, take.until)));
        if *until <= now {
            (*used, *until) = (0, take.until);
        }
        let sum = used.saturating_add(u64::from(take.amount));
        if sum > take.limit {
            wait = wait.max(Some(*until));
        } else {
            *used = sum;
        }
    }
    match wait {
        Some(until) => Err(until),
        None => {
            counters.append(&mut after);
            Ok(())
        }
    }
}

/// Gives back to a counter, if it is there. For stores, as [`take_all`].
pub fn refund(counters: &mut Counters, refund: &Refund) {
    if let Some((used, _)) = counters.get_mut(&refund.counter) {
        *used = used.saturating_add_signed(refund.amount.saturating_neg());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::constant(seconds, 0)
    }

    const DAY: CounterKey = CounterKey([1; 16]);
    const MONTH: CounterKey = CounterKey([2; 16]);

    #[test]
    fn all_is_taken_or_nothing() {
        let mut counters = Counters::new();
        let takes = |day, month| {
            [
                Take::new(DAY, day, 3, at(10)),
                Take::new(MONTH, month, 4, at(30)),
            ]
        };
        assert_eq!(take_all(&mut counters, &takes(2, 2), at(0)), Ok(()));
        let before = counters.clone();
        assert_eq!(take_all(&mut counters, &takes(2, 1), at(0)), Err(at(10)));
        assert_eq!(take_all(&mut counters, &takes(2, 3), at(0)), Err(at(30)));
        assert_eq!(counters, before);
        assert_eq!(take_all(&mut counters, &takes(1, 2), at(9)), Ok(()));
        // A new day; the month goes on.
        assert_eq!(take_all(&mut counters, &takes(3, 1), at(10)), Err(at(30)));
        refund(&mut counters, &Refund::new(MONTH, 1));
        let day = Take::new(DAY, 3, 3, at(20));
        let month = Take::new(MONTH, 1, 4, at(60));
        assert_eq!(take_all(&mut counters, &[day, month], at(10)), Ok(()));
        assert_eq!(counters[&MONTH], (4, at(30)), "it keeps its time");
        refund(&mut counters, &Refund::new(MONTH, 9));
        refund(&mut counters, &Refund::new(DAY, -2));
        assert_eq!((counters[&MONTH].0, counters[&DAY].0), (0, 5));
    }
}
