use std::collections::BTreeSet;

use foldhash::HashMap;

use crate::store::Position;

/// Positions by order key.
#[derive(Debug, Clone, Default)]
pub(super) struct Chains {
    by_key: HashMap<u64, Chain>,
}

/// Nearly every key has one delivery at a time.
#[derive(Debug, Clone)]
enum Chain {
    One(Position),
    Many(BTreeSet<Position>),
}

impl Chains {
    pub(super) fn insert(&mut self, key: u64, position: Position) {
        self.by_key
            .entry(key)
            .and_modify(|chain| match chain {
                Chain::One(only) => *chain = Chain::Many(BTreeSet::from([*only, position])),
                Chain::Many(positions) => {
                    positions.insert(position);
                }
            })
            .or_insert(Chain::One(position));
    }

    pub(super) fn remove(&mut self, key: u64, position: Position) {
        let emptied = match self.by_key.get_mut(&key) {
            Some(Chain::One(only)) => *only == position,
            Some(Chain::Many(positions)) => {
                positions.remove(&position);
                positions.is_empty()
            }
            None => false,
        };
        if emptied {
            self.by_key.remove(&key);
        }
    }

    /// The positions of this key that are lower, lowest first.
    pub(super) fn earlier(&self, key: u64, than: Position) -> impl Iterator<Item = Position> {
        let (one, many) = match self.by_key.get(&key) {
            Some(Chain::One(only)) => (Some(*only).filter(|only| *only < than), None),
            Some(Chain::Many(positions)) => (None, Some(positions.range(..than).copied())),
            None => (None, None),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}
