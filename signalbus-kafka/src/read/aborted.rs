use std::collections::HashSet;

use super::header::Header;

/// Which transactions in an answer were aborted, followed batch by batch.
#[derive(Debug, Clone, Default)]
pub(super) struct Aborted {
    /// The producer and the first offset of each, the last first.
    waiting: Vec<(i64, i64)>,
    /// The producers whose aborted transaction has begun and not ended.
    open: HashSet<i64>,
}

impl Aborted {
    /// Of producers and first offsets, in any order.
    pub(super) fn new(mut transactions: Vec<(i64, i64)>) -> Self {
        transactions.sort_by_key(|(_, first)| std::cmp::Reverse(*first));
        Self {
            waiting: transactions,
            open: HashSet::new(),
        }
    }

    /// Whether the batch is to be left out. Batches are asked for in their order.
    pub(super) fn covers(&mut self, batch: &Header) -> bool {
        while let Some((producer, _)) = self.waiting.pop_if(|(_, first)| *first <= batch.last) {
            self.open.insert(producer);
        }
        batch.transactional && self.open.contains(&batch.producer)
    }

    /// A marker that says that the transaction of its producer was aborted.
    pub(super) fn ended(&mut self, producer: i64) {
        self.open.remove(&producer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(producer: i64, base: i64, last: i64) -> Header {
        Header {
            size: 100,
            base,
            last,
            magic: 2,
            compression: 0,
            transactional: producer >= 0,
            control: false,
            producer,
        }
    }

    #[test]
    fn what_stands_between_first_offset_and_marker_is_left_out() {
        let mut aborted = Aborted::new(vec![(7, 20), (7, 2), (9, 4)]);
        assert!(!aborted.covers(&batch(7, 0, 1)), "before it");
        assert!(aborted.covers(&batch(7, 2, 3)));
        assert!(!aborted.covers(&batch(8, 4, 4)), "another producer");
        assert!(aborted.covers(&batch(9, 5, 6)));
        assert!(!aborted.covers(&batch(-1, 7, 7)), "no transaction");
        assert!(aborted.covers(&batch(7, 8, 9)), "the second batch");
        aborted.ended(7);
        assert!(!aborted.covers(&batch(7, 11, 12)), "the next transaction");
        assert!(aborted.covers(&batch(9, 13, 13)));
        assert!(aborted.covers(&batch(7, 20, 20)), "aborted again");
    }
}
