use foldhash::{HashMap, HashMapExt};

use crate::{
    engine::accounts::Waiting,
    event::Class,
    name::{ChannelName, PoolName, TenantId},
    store::{LaneId, Ready},
};

/// How much is in hand of each class, channel and tenant, and whether the store has more: so that
/// a fetch reads neither what is here nor too late what is not.
#[derive(Debug)]
pub(super) struct Stock {
    /// By class, then the place of the lineup; a tenant has one for each of its pools.
    groups: [Vec<HashMap<TenantId, Pools>>; Class::ALL.len()],
    low: bool,
}

/// Nearly always one.
type Pools = Vec<(Option<PoolName>, Group)>;

#[derive(Debug, Default)]
struct Group {
    in_hand: usize,
    /// How much there was when the store had more.
    cut_at: Option<usize>,
}

impl Group {
    fn is_low(&self) -> bool {
        self.cut_at.is_some_and(|at| self.in_hand <= at / 2)
    }
}

impl Stock {
    pub(super) fn new(channels: usize) -> Self {
        Self {
            groups: Class::ALL.map(|_| (0..channels).map(|_| HashMap::new()).collect()),
            low: false,
        }
    }

    pub(super) fn add_lineup(&mut self) {
        self.groups
            .iter_mut()
            .for_each(|groups| groups.push(HashMap::new()));
    }

    /// Whether anything of this tenant is in hand for a lineup.
    pub(super) fn has(&self, tenant: &TenantId, lineup: usize) -> bool {
        let groups = self.groups.iter().filter_map(|groups| groups.get(lineup));
        let mut pools = groups.filter_map(|groups| groups.get(tenant)).flatten();
        pools.any(|(_, group)| group.in_hand > 0)
    }

    /// Notes which groups a fetch cut.
    pub(super) fn fetched(
        &mut self,
        ready: &[Ready],
        window: usize,
        lineup: impl Fn(&Ready) -> Option<usize>,
    ) {
        let mut counts: HashMap<GroupKey<'_>, (usize, &Ready)> = HashMap::new();
        // Most stores return a group in one piece.
        for piece in ready.chunk_by(|one, next| group_key(one) == group_key(next)) {
            if let [first, ..] = piece {
                counts.entry(group_key(first)).or_insert((0, first)).0 += piece.len();
            }
        }
        self.low = false;
        for groups in self.groups.iter_mut().flatten() {
            groups.retain(|_, pools| {
                pools.retain_mut(|(_, group)| {
                    group.cut_at = group.cut_at.filter(|at| group.in_hand > at / 2);
                    group.in_hand > 0
                });
                !pools.is_empty()
            });
        }
        for (count, ready) in counts.into_values() {
            if count >= window
                && let Some(lineup) = lineup(ready)
            {
                *self.group(ready, lineup).cut_at.get_or_insert(0) += count;
            }
        }
    }

    /// Everything that was fetched is in hand, and what was being claimed was there before: so little may be
    /// new that more should be read at once.
    pub(super) fn taken_in(&mut self) {
        let groups = self.groups.iter().flatten().flat_map(HashMap::values);
        self.low |= groups.flatten().any(|(_, group)| group.is_low());
    }

    pub(super) fn add(&mut self, ready: &Ready, lineup: usize) {
        self.group(ready, lineup).in_hand += 1;
    }

    pub(super) fn remove(&mut self, ready: &Ready, lineup: usize) {
        let groups = &mut self.groups[ready.class.index()][lineup];
        let Some(pools) = groups.get_mut(&ready.tenant) else {
            return;
        };
        let Some(at) = pools.iter().position(|(pool, _)| *pool == ready.pool) else {
            return;
        };
        let group = &mut pools[at].1;
        group.in_hand -= 1;
        self.low |= group.is_low();
        if group.in_hand == 0 && group.cut_at.is_none() {
            pools.swap_remove(at);
            if pools.is_empty() {
                groups.remove(&ready.tenant);
            }
        }
    }

    fn group(&mut self, ready: &Ready, lineup: usize) -> &mut Group {
        let groups = &mut self.groups[ready.class.index()][lineup];
        let pools = groups.entry(ready.tenant.clone()).or_default();
        let at = pools.iter().position(|(pool, _)| *pool == ready.pool);
        let at = at.unwrap_or_else(|| {
            pools.push((ready.pool.clone(), Group::default()));
            pools.len() - 1
        });
        &mut pools[at].1
    }

    pub(super) fn runs_low(&self) -> bool {
        self.low
    }

    /// Of whom enough is in hand, by the place of their lineup; all when it is `full`.
    pub(super) fn well_stocked(
        &self,
        class: Class,
        full: impl Fn(usize) -> bool,
    ) -> Vec<(Waiting, usize)> {
        let mut found = Vec::new();
        for (channel, groups) in self.groups[class.index()].iter().enumerate() {
            let full = full(channel);
            let enough = |group: &Group| group.cut_at.is_some_and(|at| group.in_hand > at / 2);
            for (tenant, pools) in groups {
                let stocked = pools.iter().filter(|(_, group)| full || enough(group));
                let owner = |pool: &Option<PoolName>| (tenant.clone(), pool.clone());
                found.extend(stocked.map(|(pool, _)| (owner(pool), channel)));
            }
        }
        found.sort_unstable();
        found
    }
}

type GroupKey<'a> = (
    Class,
    &'a TenantId,
    &'a ChannelName,
    Option<&'a PoolName>,
    LaneId,
    bool,
);

fn group_key(ready: &Ready) -> GroupKey<'_> {
    (
        ready.class,
        &ready.tenant,
        &ready.channel,
        ready.pool.as_ref(),
        ready.lane,
        ready.is_retry(),
    )
}
