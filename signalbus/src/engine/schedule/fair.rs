use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
};

use super::Room;
use crate::{name::TenantId, store::Ready};

/// Deficit round robin over tenants: each gets its weight of deliveries in a round, whatever
/// length its queue has. Every delivery costs one.
#[derive(Debug, Default)]
pub(super) struct FairQueue {
    tenants: BTreeMap<TenantId, TenantQueue>,
    /// Who has first tries, by turn.
    firsts: BTreeMap<Turn, TenantId>,
    /// Who has retries, by turn. Apart, so that a pick does not look at tenants that have nothing it may
    /// take.
    retries: BTreeMap<Turn, TenantId>,
    last_turn: Turn,
    first: usize,
    retry: usize,
    /// The room of a tenant whose work is done, for the next that comes.
    spare: TenantQueue,
}

/// The lowest is next.
type Turn = u64;

#[derive(Debug, Default)]
struct TenantQueue {
    first: VecDeque<Ready>,
    retry: VecDeque<Ready>,
    turn: Turn,
    deficit: u32,
}

impl FairQueue {
    pub(super) fn has_first(&self) -> bool {
        self.first > 0
    }

    pub(super) fn has_retry(&self) -> bool {
        self.retry > 0
    }

    pub(super) fn has_any(&self) -> bool {
        self.has_first() || self.has_retry()
    }

    pub(super) fn len(&self) -> usize {
        self.first + self.retry
    }

    /// How many wait of each tenant.
    pub(super) fn tenants(&self) -> impl Iterator<Item = (&TenantId, usize)> {
        self.tenants
            .iter()
            .map(|(tenant, queue)| (tenant, queue.first.len() + queue.retry.len()))
    }

    /// Whether a tenant that is allowed has one of the kinds that are allowed.
    pub(super) fn offers(
        &self,
        first: bool,
        retry: bool,
        allowed: &dyn Fn(&TenantId) -> bool,
    ) -> bool {
        (first && self.firsts.values().any(allowed))
            || (retry && self.retries.values().any(allowed))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ready> {
        self.tenants
            .values()
            .flat_map(|queue| queue.first.iter().chain(&queue.retry))
    }

    pub(super) fn push(&mut self, ready: Ready, front: bool) {
        let queue = match self.tenants.get_mut(&ready.tenant) {
            Some(queue) => queue,
            None => {
                let mut queue = std::mem::take(&mut self.spare);
                self.last_turn += 1;
                queue.turn = self.last_turn;
                self.tenants.entry(ready.tenant.clone()).or_insert(queue)
            }
        };
        let (kind, count, turns) = if ready.is_retry() {
            (&mut queue.retry, &mut self.retry, &mut self.retries)
        } else {
            (&mut queue.first, &mut self.first, &mut self.firsts)
        };
        if kind.is_empty() {
            turns.insert(queue.turn, ready.tenant.clone());
        }
        *count += 1;
        if front {
            kind.push_front(ready);
        } else {
            kind.push_back(ready);
        }
    }

    /// The next delivery among the kinds and the tenants that are allowed.
    pub(super) fn pop(
        &mut self,
        first: bool,
        retry: bool,
        weight: &dyn Fn(&TenantId) -> u32,
        room: &mut impl Room,
    ) -> Option<Ready> {
        // Who is passed over goes behind this.
        let last = self.last_turn;
        loop {
            let firsts = first.then(|| self.firsts.first_key_value()).flatten();
            let retries = retry.then(|| self.retries.first_key_value()).flatten();
            let (turn, tenant) = firsts.into_iter().chain(retries).min()?;
            if *turn > last {
                return None;
            }
            let queue = self.tenants.get_mut(tenant)?;
            let mut popped = None;
            if room.for_tenant(tenant) {
                if queue.deficit == 0 {
                    queue.deficit = weight(tenant).max(1);
                }
                // A retry is older than what was never tried, so it goes first where it may.
                if retry {
                    popped = take(&mut queue.retry, room);
                }
                if first && popped.is_none() {
                    popped = take(&mut queue.first, room);
                }
            }
            let Some(ready) = popped else {
                queue.deficit = 0;
                let tenant = tenant.clone();
                self.go_behind(&tenant);
                continue;
            };
            queue.deficit -= 1;
            let is_over = queue.deficit == 0;
            let retries = usize::from(ready.is_retry());
            self.took(&ready.tenant, 1 - retries, retries);
            if is_over && self.tenants.len() > 1 {
                self.go_behind(&ready.tenant);
            }
            return Some(ready);
        }
    }

    /// Takes out what matches, of one tenant or of all.
    pub(super) fn extract(
        &mut self,
        only: Option<&TenantId>,
        matches: &mut dyn FnMut(&Ready) -> bool,
    ) -> Vec<Ready> {
        let mut found = Vec::new();
        let mut left = Vec::new();
        let bound = only.map_or(Bound::Unbounded, Bound::Included);
        for (tenant, queue) in self.tenants.range_mut::<TenantId, _>((bound, bound)) {
            let before = found.len();
            extract(&mut queue.first, matches, &mut found);
            let firsts = found.len() - before;
            extract(&mut queue.retry, matches, &mut found);
            let retries = found.len() - before - firsts;
            if firsts + retries > 0 {
                left.push((tenant.clone(), firsts, retries));
            }
        }
        for (tenant, firsts, retries) in left {
            self.took(&tenant, firsts, retries);
        }
        found
    }

    /// So many of each kind are gone from the queue of a tenant.
    fn took(&mut self, tenant: &TenantId, firsts: usize, retries: usize) {
        self.first -= firsts;
        self.retry -= retries;
        let Some(queue) = self.tenants.get_mut(tenant) else {
            return;
        };
        if queue.first.is_empty() {
            self.firsts.remove(&queue.turn);
        }
        if queue.retry.is_empty() {
            self.retries.remove(&queue.turn);
        }
        if queue.first.is_empty()
            && queue.retry.is_empty()
            && let Some(queue) = self.tenants.remove(tenant)
        {
            self.spare = queue;
            self.spare.deficit = 0;
        }
    }

    /// The turn of this tenant is over.
    fn go_behind(&mut self, tenant: &TenantId) {
        let Some(queue) = self.tenants.get_mut(tenant) else {
            return;
        };
        self.last_turn += 1;
        for turns in [&mut self.firsts, &mut self.retries] {
            if let Some(tenant) = turns.remove(&queue.turn) {
                turns.insert(self.last_turn, tenant);
            }
        }
        queue.turn = self.last_turn;
    }
}

/// The first of a queue, if there is room for its files.
fn take(queue: &mut VecDeque<Ready>, room: &mut impl Room) -> Option<Ready> {
    let front = queue.front()?;
    (front.bytes == 0 || room.for_files(front)).then(|| queue.pop_front())?
}

/// Takes out those that match, in order; the others stay in theirs.
pub(super) fn extract(
    queue: &mut VecDeque<Ready>,
    matches: &mut dyn FnMut(&Ready) -> bool,
    found: &mut Vec<Ready>,
) {
    let Some(at) = queue.iter().position(&mut *matches) else {
        return;
    };
    let rest = queue.split_off(at);
    let mut rest = rest.into_iter();
    found.extend(rest.next());
    for ready in rest {
        if matches(&ready) {
            found.push(ready);
        } else {
            queue.push_back(ready);
        }
    }
}
