use std::collections::BTreeMap;

use super::{super::Envelope, KEPT_FOR_NOBODY, log::Log};
use crate::clock::Timestamp;

/// Names one subscription.
pub(super) type Member = u64;

/// A topic of the acknowledged kind, and what each group has of it.
#[derive(Debug)]
pub(super) struct Queue {
    log: Log,
    groups: BTreeMap<String, Group>,
}

#[derive(Debug)]
struct Group {
    /// The first that was never handed out.
    next: u64,
    /// Given back by members that left, and how often each was handed out.
    again: BTreeMap<u64, u32>,
    /// Handed out, to whom and how often before.
    out: BTreeMap<u64, (Member, u32)>,
}

impl Queue {
    pub(super) fn new(first_offset: u64) -> Self {
        Self {
            log: Log::new(first_offset),
            groups: BTreeMap::new(),
        }
    }

    pub(super) fn append(&mut self, at: Timestamp, envelope: Envelope) {
        self.log.append(at, envelope);
        if self.groups.is_empty() {
            self.log.keep(KEPT_FOR_NOBODY);
        }
    }

    /// A new group starts with the oldest envelope that is still kept.
    pub(super) fn join(&mut self, group: &str) {
        let next = self.log.first();
        self.groups.entry(group.to_owned()).or_insert(Group {
            next,
            again: BTreeMap::new(),
            out: BTreeMap::new(),
        });
    }

    /// The next for this member: what it is called, and how often it was handed out before.
    pub(super) fn read(&mut self, group: &str, member: Member) -> Option<(u64, Envelope, u32)> {
        let group = self.groups.get_mut(group)?;
        let (at, repeats) = match group.again.pop_first() {
            Some(given_back) => given_back,
            None if group.next < self.log.end() => (group.next, 0),
            None => return None,
        };
        let envelope = self.log.get(at)?.clone();
        group.next = group.next.max(at + 1);
        group.out.insert(at, (member, repeats));
        Some((at, envelope, repeats))
    }

    pub(super) fn ack(&mut self, group: &str, at: u64) {
        if let Some(group) = self.groups.get_mut(group) {
            group.out.remove(&at);
            group.again.remove(&at);
        }
        let needed = self.groups.values().map(|group| {
            let given_back = group.again.first_key_value().map(|(at, _)| *at);
            let out = group.out.first_key_value().map(|(at, _)| *at);
            let open = given_back.into_iter().chain(out).min();
            open.map_or(group.next, |open| open.min(group.next))
        });
        let needed = needed.min().unwrap_or(0);
        self.log.drop_before(needed);
    }

    /// What this member had is for others again.
    pub(super) fn leave(&mut self, group: &str, member: Member) {
        if let Some(group) = self.groups.get_mut(group) {
            let its = group.out.extract_if(.., |_, (holder, _)| *holder == member);
            let its: Vec<_> = its.collect();
            group.again.extend(
                its.into_iter()
                    .map(|(at, (_, repeats))| (at, repeats.saturating_add(1))),
            );
        }
    }

    pub(super) fn behind(&self, group: &str) -> u64 {
        self.groups.get(group).map_or(0, |group| {
            let open = group.again.len() + group.out.len();
            self.log.end().saturating_sub(group.next) + u64::try_from(open).unwrap_or(0)
        })
    }
}
