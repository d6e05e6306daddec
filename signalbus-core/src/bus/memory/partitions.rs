use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use super::{
    super::{Envelope, Start},
    KEPT_FOR_NOBODY,
    log::Log,
};
use crate::clock::Timestamp;

/// A topic of the positioned kind: its partitions, and how far each group has stored them.
#[derive(Debug)]
pub(super) struct Partitions {
    logs: Vec<Log>,
    groups: BTreeMap<String, Vec<u64>>,
}

impl Partitions {
    pub(super) fn new(count: u32, first_offset: u64) -> Self {
        Self {
            logs: (0..count).map(|_| Log::new(first_offset)).collect(),
            groups: BTreeMap::new(),
        }
    }

    pub(super) fn log(&self, partition: u32) -> Option<&Log> {
        self.logs.get(usize::try_from(partition).ok()?)
    }

    pub(super) fn append(&mut self, at: Timestamp, envelope: Envelope) {
        let mut hasher = DefaultHasher::new();
        envelope.key.hash(&mut hasher);
        let count = u64::try_from(self.logs.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(hasher.finish() % count.max(1)).unwrap_or(0);
        if let Some(log) = self.logs.get_mut(place) {
            log.append(at, envelope);
            if self.groups.is_empty() {
                log.keep(KEPT_FOR_NOBODY);
            }
        }
    }

    /// From now on envelopes are kept for this group, too.
    pub(super) fn join(&mut self, group: &str) {
        if !self.groups.contains_key(group) {
            let firsts = self.logs.iter().map(Log::first).collect();
            self.groups.insert(group.to_owned(), firsts);
        }
    }

    pub(super) fn start(&self, partition: u32, start: Start) -> Option<u64> {
        let log = self.log(partition)?;
        Some(match start {
            Start::Earliest => log.first(),
            Start::Latest => log.end(),
            Start::At(time) => log.since(time),
            Start::Offset(offset) => offset,
        })
    }

    /// Everything before `next` is stored by this group.
    pub(super) fn ack(&mut self, group: &str, partition: u32, next: u64) -> Option<()> {
        let place = usize::try_from(partition).ok()?;
        let log = self.logs.get_mut(place)?;
        let acked = self.groups.get_mut(group)?.get_mut(place)?;
        *acked = (*acked).max(next.min(log.end()));
        let done = self.groups.values().filter_map(|group| group.get(place));
        log.drop_before(done.min().copied().unwrap_or(0));
        Some(())
    }

    pub(super) fn behind(&self, group: &str, partition: u32) -> Option<u64> {
        let place = usize::try_from(partition).ok()?;
        let acked = self.groups.get(group)?.get(place)?;
        Some(self.logs.get(place)?.end().saturating_sub(*acked))
    }

    pub(super) fn drop_before(&mut self, partition: u32, offset: u64) {
        let place = usize::try_from(partition).ok();
        if let Some(log) = place.and_then(|place| self.logs.get_mut(place)) {
            log.drop_before(offset);
        }
    }
}
