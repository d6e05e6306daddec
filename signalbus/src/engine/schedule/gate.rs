use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::{
    event::Order,
    store::{Position, Ready},
};

/// One delivery at a time for each order key: the rest wait behind the gate, lowest position
/// first.
#[derive(Debug, Default)]
pub(super) struct Gates {
    gates: HashMap<u64, BTreeMap<Position, Ready>>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made"
)]
pub(super) enum Admission {
    /// It may be queued.
    Open(Ready),
    /// It waits behind another.
    Waits,
}

impl Gates {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Ready> {
        self.gates.values().flat_map(BTreeMap::values)
    }

    pub(super) fn admit(&mut self, ready: Ready) -> Admission {
        if ready.order == Order::Unordered {
            return Admission::Open(ready);
        }
        match self.gates.get_mut(&ready.order_key) {
            None => {
                self.gates.insert(ready.order_key, BTreeMap::new());
                Admission::Open(ready)
            }
            Some(waiting) => {
                waiting.insert(ready.position, ready);
                Admission::Waits
            }
        }
    }

    /// The one that went through is done: the next may go.
    pub(super) fn release(&mut self, done: &Ready) -> Option<Ready> {
        if done.order == Order::Unordered {
            return None;
        }
        let waiting = self.gates.get_mut(&done.order_key)?;
        let next = waiting.pop_first().map(|(_, ready)| ready);
        if next.is_none() {
            self.gates.remove(&done.order_key);
        }
        next
    }

    /// Takes out those that wait behind the gate of this key and match.
    pub(super) fn drop_waiting_for(
        &mut self,
        key: u64,
        matches: impl FnMut(&Ready) -> bool,
    ) -> Vec<Ready> {
        self.gates
            .get_mut(&key)
            .map(|waiting| take(waiting, matches))
            .unwrap_or_default()
    }

    /// Takes out those that wait and match.
    pub(super) fn drop_waiting(&mut self, mut matches: impl FnMut(&Ready) -> bool) -> Vec<Ready> {
        let mut dropped = Vec::new();
        for waiting in self.gates.values_mut() {
            dropped.extend(take(waiting, &mut matches));
        }
        dropped
    }
}

fn take(
    waiting: &mut BTreeMap<Position, Ready>,
    mut matches: impl FnMut(&Ready) -> bool,
) -> Vec<Ready> {
    waiting
        .extract_if(.., |_, ready| matches(ready))
        .map(|(_, ready)| ready)
        .collect()
}
