use std::collections::{BTreeMap, VecDeque};

use super::Room;
use crate::{name::TenantId, store::Ready};

/// Deficit round robin over tenants: each gets its weight of deliveries in a round, whatever
/// length its queue has. Every delivery costs one.
#[derive(Debug, Default)]
pub(super) struct FairQueue {
    tenants: BTreeMap<TenantId, TenantQueue>,
    /// Tenants with work, in the order of their turns.
    round: VecDeque<TenantId>,
    first: usize,
    retry: usize,
    /// The room of a tenant whose work is done, for the next that comes.
    spare: TenantQueue,
}

#[derive(Debug, Default)]
struct TenantQueue {
    first: VecDeque<Ready>,
    retry: VecDeque<Ready>,
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
        self.tenants.iter().any(|(tenant, queue)| {
            let has = (first && !queue.first.is_empty()) || (retry && !queue.retry.is_empty());
            has && allowed(tenant)
        })
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
                self.round.push_back(ready.tenant.clone());
                let queue = std::mem::take(&mut self.spare);
                self.tenants.entry(ready.tenant.clone()).or_insert(queue)
            }
        };
        let (queue, count) = if ready.is_retry() {
            (&mut queue.retry, &mut self.retry)
        } else {
            (&mut queue.first, &mut self.first)
        };
        *count += 1;
        if front {
            queue.push_front(ready);
        } else {
            queue.push_back(ready);
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
        for _ in 0..self.round.len() {
            let tenant = self.round.front()?;
            if !room.for_tenant(tenant) {
                self.round.rotate_left(1);
                continue;
            }
            let queue = self.tenants.get_mut(tenant)?;
            if queue.deficit == 0 {
                queue.deficit = weight(tenant).max(1);
            }
            // A retry is older than what was never tried, so it goes first where it may.
            let mut popped = None;
            if retry {
                popped = take(&mut queue.retry, room);
            }
            if first && popped.is_none() {
                popped = take(&mut queue.first, room);
            }
            let Some(ready) = popped else {
                queue.deficit = 0;
                self.round.rotate_left(1);
                continue;
            };
            *(if ready.is_retry() {
                &mut self.retry
            } else {
                &mut self.first
            }) -= 1;
            queue.deficit -= 1;
            if queue.is_empty() {
                if let Some(queue) = self.tenants.remove(&ready.tenant) {
                    self.spare = queue;
                    self.spare.deficit = 0;
                }
                self.round.pop_front();
            } else if queue.deficit == 0 {
                self.round.rotate_left(1);
            }
            return Some(ready);
        }
        None
    }

    pub(super) fn remove(&mut self, matches: &dyn Fn(&Ready) -> bool) -> Option<Ready> {
        let found = self.tenants.values_mut().find_map(|queue| {
            let first = queue
                .first
                .iter()
                .position(matches)
                .and_then(|at| queue.first.remove(at));
            first.or_else(|| {
                let at = queue.retry.iter().position(matches)?;
                queue.retry.remove(at)
            })
        })?;
        *(if found.is_retry() {
            &mut self.retry
        } else {
            &mut self.first
        }) -= 1;
        if self
            .tenants
            .get(&found.tenant)
            .is_some_and(TenantQueue::is_empty)
        {
            self.tenants.remove(&found.tenant);
            self.round.retain(|tenant| *tenant != found.tenant);
        }
        Some(found)
    }
}

impl TenantQueue {
    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.retry.is_empty()
    }
}

/// The first of a queue, if there is room for its files.
fn take(queue: &mut VecDeque<Ready>, room: &mut impl Room) -> Option<Ready> {
    let front = queue.front()?;
    (front.bytes == 0 || room.for_files(front)).then(|| queue.pop_front())?
}
