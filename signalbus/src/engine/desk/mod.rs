//! Where a worker gets the slots that limits leave it: reserved ahead in small batches, so that no send
//! waits for an answer of its own.

mod reserve;
mod tenants;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use metrics::counter;
use reserve::Reserve;
pub(crate) use tenants::TenantRates;

use crate::{
    chain::Chain,
    clock::Clock,
    engine::metrics::names,
    limit::{Ask, Limit, LimitKey, Limiter, Slots},
    task::{Results, Task},
};

/// How far ahead slots are reserved, and how late they may be used. What is later is given up, so that
/// slots do not pile up.
pub(super) const AHEAD: Duration = Duration::from_millis(100);

/// The most that is reserved at once for one key.
const BATCH: u32 = 500;

/// How long a limiter is left alone that could not answer. Nothing is sent under its limits meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// What a limiter answered, and when.
type Answer = (Vec<Slots>, Duration);

/// The slots that a worker holds.
pub(crate) struct Desk {
    limiter: Option<Arc<dyn Limiter>>,
    clock: Arc<dyn Clock>,
    reserves: BTreeMap<LimitKey, Reserve>,
    asking: Option<(Task, Vec<Ask>)>,
    /// When the limiter may be asked again that could not answer.
    again: Duration,
    answers: Arc<Results<Option<Answer>>>,
    wants: Vec<Ask>,
}

impl Desk {
    pub(crate) fn new(limiter: Option<Arc<dyn Limiter>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            limiter,
            clock,
            reserves: BTreeMap::new(),
            asking: None,
            again: Duration::ZERO,
            answers: Arc::new(Results::new()),
            wants: Vec::new(),
        }
    }

    /// Whether limits are shared with others.
    pub(crate) fn is_shared(&self) -> bool {
        self.limiter.is_some()
    }

    /// How many slots of this key are in hand that may be used now, or soon.
    pub(crate) fn in_hand(&self, key: &LimitKey) -> usize {
        self.reserves.get(key).map_or(0, Reserve::in_hand)
    }

    /// Whether a slot of this key may be used now.
    pub(crate) fn is_ready(&self, key: &LimitKey, now: Duration) -> bool {
        let reserve = self.reserves.get(key);
        reserve.is_some_and(|reserve| reserve.is_ready(now))
    }

    /// Uses a slot of this key.
    pub(crate) fn start(&mut self, key: &LimitKey, now: Duration) {
        if let Some(reserve) = self.reserves.get_mut(key) {
            reserve.start(now);
        }
    }

    /// Says that so many of this key wait, and could be done if there were slots.
    pub(crate) fn want(&mut self, key: &LimitKey, limit: Limit, waiting: usize, now: Duration) {
        let limit = leaving_room(limit);
        let reserve = self.reserves.entry(key.clone()).or_default();
        let batch = units_in(limit, AHEAD).clamp(1, BATCH);
        let most = u32::try_from(waiting).unwrap_or(u32::MAX).min(batch);
        if let Some(units) = reserve.lacks(most, now) {
            let ask = Ask::now(key.clone(), limit);
            self.wants.push(ask.with_units(units).with_patience(AHEAD));
        }
    }

    /// Asks for what was wanted, beside everything else.
    pub(crate) fn ask(&mut self, now: Duration) {
        let asks = std::mem::take(&mut self.wants);
        let Some(limiter) = self.limiter.clone().filter(|_| !asks.is_empty()) else {
            return;
        };
        if self.asking.is_some() || now < self.again {
            return;
        }
        let (clock, answers) = (Arc::clone(&self.clock), Arc::clone(&self.answers));
        let asked = asks.clone();
        let task = crate::task::start(async move {
            let answer = limiter.take(asked).await;
            // Counted from its arrival: late by the way, and never early.
            let answer = answer.map(|slots| (slots, clock.monotonic()));
            if let Err(error) = &answer {
                tracing::warn!(error = %Chain(error), "no slots can be had: what is limited waits");
            }
            answers.put(answer.ok());
        });
        self.asking = Some((task, asks));
    }

    /// Takes in what was answered, and gives up what is too late.
    pub(crate) fn collect(&mut self, now: Duration) {
        let mut answers = Vec::new();
        self.answers.take(&mut answers);
        for answer in answers {
            let Some((_, asks)) = self.asking.take() else {
                continue;
            };
            let Some((slots, at)) = answer else {
                self.again = now + AGAIN;
                continue;
            };
            for (ask, slots) in asks.iter().zip(slots) {
                if let Some(reserve) = self.reserves.get_mut(&ask.key) {
                    reserve.add(ask.units, slots, at);
                }
            }
        }
        for (key, reserve) in &mut self.reserves {
            let late = reserve.give_up(now);
            if late > 0 {
                let kind = key.kind().to_owned();
                counter!(names::LIMITER_UNUSED, "kind" => kind).increment(late);
            }
        }
        // Those of tenants come and go.
        self.reserves.retain(|_, reserve| !reserve.is_over(now));
    }

    /// Waits for an answer. Cancel safe.
    pub(crate) async fn answered(&self) {
        self.answers.some().await;
    }

    /// When there is something to do that is not now.
    pub(crate) fn next_at(&self, now: Duration) -> Option<Duration> {
        let asking = self.asking.is_some();
        let reserves = self.reserves.values();
        let next = reserves.filter_map(|reserve| reserve.next_at(now, asking));
        let again = Some(self.again).filter(|again| *again > now);
        next.chain(again).min()
    }
}

/// With as much less of a burst as may be used late, so that the two together are not more than the limit
/// in any second. Of a burst that is smaller than that, one is left.
fn leaving_room(limit: Limit) -> Limit {
    limit.with_burst(limit.burst().saturating_sub(units_in(limit, AHEAD)))
}

fn units_in(limit: Limit, time: Duration) -> u32 {
    let units = time.as_nanos() / limit.interval().as_nanos().max(1);
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
