use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How far the partitions of a subscription are, seen by all who ask.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Mutex<BTreeMap<u32, Place>>>);

/// How far one partition is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// All before it is stored.
    stored: u64,
    /// Behind what was returned.
    returned: u64,
    /// Behind what was read, of which some is for nobody: markers, and what was aborted.
    read: u64,
}

impl Progress {
    pub(crate) fn begin(&self, partition: u32, at: u64) {
        let place = Place {
            stored: at,
            returned: at,
            read: at,
        };
        self.lock().insert(partition, place);
    }

    pub(crate) fn end(&self, partition: u32) {
        self.lock().remove(&partition);
    }

    pub(crate) fn returned(&self, partition: u32, behind: u64) {
        if let Some(place) = self.lock().get_mut(&partition) {
            place.returned = place.returned.max(behind);
            place.read = place.read.max(behind);
        }
    }

    pub(crate) fn read(&self, partition: u32, behind: u64) {
        if let Some(place) = self.lock().get_mut(&partition) {
            place.read = place.read.max(behind);
        }
    }

    /// All before `behind` is stored. What is not read here is no concern of ours.
    pub(crate) fn stored(&self, partition: u32, behind: u64) {
        if let Some(place) = self.lock().get_mut(&partition) {
            place.stored = place.stored.max(behind);
        }
    }

    /// Behind what needs nobody's attention any more, for each partition.
    pub(crate) fn positions(&self) -> BTreeMap<u32, u64> {
        let places = self.lock();
        let positions = places.iter().map(|(partition, place)| {
            let done = if place.stored >= place.returned {
                place.stored.max(place.read)
            } else {
                place.stored
            };
            (*partition, done)
        });
        positions.collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Place>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_nobody_counts_when_all_before_it_is_stored() {
        let progress = Progress::default();
        progress.begin(3, 10);
        progress.returned(3, 15);
        progress.read(3, 18);
        assert_eq!(progress.positions(), BTreeMap::from([(3, 10)]));
        progress.stored(3, 14);
        assert_eq!(progress.positions(), BTreeMap::from([(3, 14)]));
        progress.stored(3, 15);
        assert_eq!(progress.positions(), BTreeMap::from([(3, 18)]));
        progress.stored(3, 12);
        assert_eq!(
            progress.positions(),
            BTreeMap::from([(3, 18)]),
            "never back"
        );
        progress.end(3);
        progress.stored(3, 20);
        assert!(progress.positions().is_empty());
    }
}
