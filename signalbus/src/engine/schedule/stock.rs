use std::collections::HashMap;

use crate::{
    event::Class,
    name::{ChannelName, TenantId},
    store::{LaneId, Ready},
};

/// How much is in hand of each class, tenant and channel, and whether the store has more: so that
/// a fetch reads neither what is here nor too late what is not.
#[derive(Debug, Default)]
pub(super) struct Stock {
    groups: HashMap<(Class, TenantId, ChannelName), Group>,
    low: bool,
}

#[derive(Debug, Default)]
struct Group {
    in_hand: usize,
    /// How much there was when the store had more.
    cut_at: Option<usize>,
}

impl Stock {
    /// Notes which groups a fetch cut.
    pub(super) fn fetched(&mut self, ready: &[Ready], window: usize) {
        let mut counts: HashMap<(Class, &TenantId, &ChannelName, LaneId, bool), usize> =
            HashMap::new();
        for ready in ready {
            let group = (
                ready.class,
                &ready.tenant,
                &ready.channel,
                ready.lane,
                ready.is_retry(),
            );
            *counts.entry(group).or_default() += 1;
        }
        self.low = false;
        self.groups.retain(|_, group| {
            group.cut_at = group.cut_at.filter(|at| group.in_hand > at / 2);
            group.in_hand > 0
        });
        for ((class, tenant, channel, ..), count) in counts {
            if count >= window {
                let key = (class, tenant.clone(), channel.clone());
                *self.groups.entry(key).or_default().cut_at.get_or_insert(0) += count;
            }
        }
    }

    pub(super) fn add(&mut self, ready: &Ready) {
        self.groups.entry(key(ready)).or_default().in_hand += 1;
    }

    pub(super) fn remove(&mut self, ready: &Ready) {
        let key = key(ready);
        if let Some(group) = self.groups.get_mut(&key) {
            group.in_hand -= 1;
            self.low |= group.cut_at.is_some_and(|at| group.in_hand <= at / 2);
            if group.in_hand == 0 && group.cut_at.is_none() {
                self.groups.remove(&key);
            }
        }
    }

    pub(super) fn runs_low(&self) -> bool {
        self.low
    }

    pub(super) fn well_stocked(
        &self,
        class: Class,
        full: impl Fn(&ChannelName) -> bool,
    ) -> Vec<(TenantId, ChannelName)> {
        let mut groups: Vec<_> = self
            .groups
            .iter()
            .filter(|((of, _, channel), group)| {
                let enough = group.cut_at.is_some_and(|at| group.in_hand > at / 2);
                *of == class && (enough || full(channel))
            })
            .map(|((_, tenant, channel), _)| (tenant.clone(), channel.clone()))
            .collect();
        groups.sort_unstable();
        groups
    }
}

fn key(ready: &Ready) -> (Class, TenantId, ChannelName) {
    (ready.class, ready.tenant.clone(), ready.channel.clone())
}
