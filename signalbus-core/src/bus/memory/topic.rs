use std::{
    collections::{BTreeMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
};

use super::super::Envelope;

/// One topic: its partitions and the groups that read them.
#[derive(Debug)]
pub(super) struct Topic {
    partitions: Vec<Partition>,
    groups: BTreeMap<String, Group>,
}

/// Envelopes under consecutive offsets.
#[derive(Debug)]
struct Partition {
    first: u64,
    envelopes: VecDeque<Envelope>,
}

/// Who reads a topic, and how far they are on each partition.
#[derive(Debug)]
struct Group {
    members: Vec<Member>,
    cursors: Vec<Cursor>,
}

/// Names one subscription.
pub(super) type Member = u64;

#[derive(Debug, Clone, Copy)]
struct Cursor {
    owner: Option<Member>,
    acked: u64,
    /// The next offset to hand out; never before `acked`.
    next: u64,
}

impl Topic {
    pub(super) fn new(partitions: u32, first_offset: u64) -> Self {
        let empty = |_| Partition {
            first: first_offset,
            envelopes: VecDeque::new(),
        };
        Self {
            partitions: (0..partitions).map(empty).collect(),
            groups: BTreeMap::new(),
        }
    }

    pub(super) fn append(&mut self, envelope: Envelope) {
        let mut hasher = DefaultHasher::new();
        envelope.key.hash(&mut hasher);
        let count = u64::try_from(self.partitions.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(hasher.finish() % count.max(1)).unwrap_or(0);
        if let Some(partition) = self.partitions.get_mut(place) {
            partition.envelopes.push_back(envelope);
        }
    }

    /// A new group starts with the oldest envelope that is still kept.
    pub(super) fn join(&mut self, group: &str, member: Member) {
        let partitions = &self.partitions;
        let group = self
            .groups
            .entry(group.to_owned())
            .or_insert_with(|| Group {
                members: Vec::new(),
                cursors: partitions.iter().map(Partition::start).collect(),
            });
        group.members.push(member);
        group.share_out();
    }

    pub(super) fn leave(&mut self, group: &str, member: Member) {
        if let Some(group) = self.groups.get_mut(group) {
            group.members.retain(|other| *other != member);
            group.share_out();
        }
    }

    /// The next envelope of a partition with the offset behind it, if this member reads the
    /// partition and there is one.
    pub(super) fn read(
        &mut self,
        group: &str,
        member: Member,
        partition: u32,
    ) -> Option<(Envelope, u64)> {
        let place = usize::try_from(partition).ok()?;
        let cursor = self.groups.get_mut(group)?.cursors.get_mut(place)?;
        if cursor.owner != Some(member) {
            return None;
        }
        let envelope = self.partitions.get(place)?.get(cursor.next)?;
        cursor.next += 1;
        Some((envelope.clone(), cursor.next))
    }

    /// Everything before `next` is stored. True whoever says so: an owner that lost the partition
    /// meanwhile has stored it all the same.
    pub(super) fn ack(&mut self, group: &str, partition: u32, next: u64) -> Option<()> {
        let place = usize::try_from(partition).ok()?;
        let log = self.partitions.get_mut(place)?;
        let cursor = self.groups.get_mut(group)?.cursors.get_mut(place)?;
        cursor.acked = cursor.acked.max(next.min(log.end()));
        cursor.next = cursor.next.max(cursor.acked);
        let done = self
            .groups
            .values()
            .filter_map(|group| group.cursors.get(place))
            .map(|cursor| cursor.acked)
            .min();
        log.drop_before(done.unwrap_or(0));
        Some(())
    }

    /// Moves the cursor, to the oldest envelope that is kept at least; none when `next` is behind
    /// the end.
    pub(super) fn seek(
        &mut self,
        group: &str,
        member: Member,
        partition: u32,
        next: u64,
    ) -> Option<()> {
        let place = usize::try_from(partition).ok()?;
        let log = self.partitions.get(place).filter(|log| next <= log.end())?;
        let cursor = self.groups.get_mut(group)?.cursors.get_mut(place)?;
        if cursor.owner == Some(member) {
            cursor.next = next.max(log.first);
        }
        Some(())
    }
}

impl Partition {
    fn start(&self) -> Cursor {
        Cursor {
            owner: None,
            acked: self.first,
            next: self.first,
        }
    }

    fn end(&self) -> u64 {
        self.first + u64::try_from(self.envelopes.len()).unwrap_or(0)
    }

    fn get(&self, offset: u64) -> Option<&Envelope> {
        let place = usize::try_from(offset.checked_sub(self.first)?).ok()?;
        self.envelopes.get(place)
    }

    fn drop_before(&mut self, offset: u64) {
        while self.first < offset && self.envelopes.pop_front().is_some() {
            self.first += 1;
        }
    }
}

impl Group {
    /// Gives partition `n` to member `n` of those there are, round and round. A new owner starts
    /// with what its predecessor did not acknowledge.
    fn share_out(&mut self) {
        let mut turns = self.members.iter().cycle();
        for cursor in &mut self.cursors {
            let owner = turns.next().copied();
            if cursor.owner != owner {
                cursor.owner = owner;
                cursor.next = cursor.acked;
            }
        }
    }
}
