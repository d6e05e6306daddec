use foldhash::{HashMap, HashMapExt};

use crate::{
    event::Class,
    name::{ChannelName, TenantId},
    store::{LaneId, Ready},
};

/// How much is in hand of each class, channel and tenant, and whether the store has more: so that
/// a fetch reads neither what is here nor too late what is not.
#[derive(Debug)]
pub(super) struct Stock {
    /// By class, then the place of the channel.
    groups: [Vec<HashMap<TenantId, Group>>; Class::ALL.len()],
    low: bool,
}

#[derive(Debug, Default)]
struct Group {
    in_hand: usize,
    /// How much there was when the store had more.
    cut_at: Option<usize>,
}

impl Stock {
    pub(super) fn new(channels: usize) -> Self {
        Self {
            groups: Class::ALL.map(|_| (0..channels).map(|_| HashMap::new()).collect()),
            low: false,
        }
    }

    /// Notes which groups a fetch cut.
    pub(super) fn fetched(
        &mut self,
        ready: &[Ready],
        window: usize,
        channel: impl Fn(&ChannelName) -> Option<usize>,
    ) {
        let mut counts: HashMap<GroupKey<'_>, usize> = HashMap::new();
        // Most stores return a group in one piece.
        for piece in ready.chunk_by(|one, next| group_key(one) == group_key(next)) {
            if let [first, ..] = piece {
                *counts.entry(group_key(first)).or_default() += piece.len();
            }
        }
        self.low = false;
        for groups in self.groups.iter_mut().flatten() {
            groups.retain(|_, group| {
                group.cut_at = group.cut_at.filter(|at| group.in_hand > at / 2);
                group.in_hand > 0
            });
        }
        for ((class, tenant, name, ..), count) in counts {
            if count >= window
                && let Some(channel) = channel(name)
            {
                let groups = &mut self.groups[class.index()][channel];
                let group = groups.entry(tenant.clone()).or_default();
                *group.cut_at.get_or_insert(0) += count;
            }
        }
    }

    pub(super) fn add(&mut self, ready: &Ready, channel: usize) {
        let groups = &mut self.groups[ready.class.index()][channel];
        match groups.get_mut(&ready.tenant) {
            Some(group) => group.in_hand += 1,
            None => groups.entry(ready.tenant.clone()).or_default().in_hand = 1,
        }
    }

    pub(super) fn remove(&mut self, ready: &Ready, channel: usize) {
        let groups = &mut self.groups[ready.class.index()][channel];
        if let Some(group) = groups.get_mut(&ready.tenant) {
            group.in_hand -= 1;
            self.low |= group.cut_at.is_some_and(|at| group.in_hand <= at / 2);
            if group.in_hand == 0 && group.cut_at.is_none() {
                groups.remove(&ready.tenant);
            }
        }
    }

    pub(super) fn runs_low(&self) -> bool {
        self.low
    }

    /// Tenants of which enough is in hand, by the place of their channel; all when it is `full`.
    pub(super) fn well_stocked(
        &self,
        class: Class,
        full: impl Fn(usize) -> bool,
    ) -> Vec<(TenantId, usize)> {
        let mut found = Vec::new();
        for (channel, groups) in self.groups[class.index()].iter().enumerate() {
            let full = full(channel);
            let enough = |group: &Group| group.cut_at.is_some_and(|at| group.in_hand > at / 2);
            let stocked = groups.iter().filter(|(_, group)| full || enough(group));
            found.extend(stocked.map(|(tenant, _)| (tenant.clone(), channel)));
        }
        found.sort_unstable();
        found
    }
}

type GroupKey<'a> = (Class, &'a TenantId, &'a ChannelName, LaneId, bool);

fn group_key(ready: &Ready) -> GroupKey<'_> {
    (
        ready.class,
        &ready.tenant,
        &ready.channel,
        ready.lane,
        ready.is_retry(),
    )
}
