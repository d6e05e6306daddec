//! How much may wait for the store at once, when tenants compete.
//!
//! What is claimed for one tenant's backlog waits before what another has just published: so no more is claimed than the
//! store writes in a moment. Alone, a tenant fills whole batches, which cost the store less.

use std::time::Duration;

use super::Group;
use crate::{name::TenantId, store::Ready};

/// How long a call that writes should take.
const CALL: Duration = Duration::from_millis(40);

/// How long tenants count as competing.
const RECENT: Duration = Duration::from_secs(1);

/// What may wait for each writer at least.
const LEAST: usize = 64;

/// How much may wait.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Claims and results that are not written.
    limit: usize,
    least: usize,
    most: usize,
    last: Option<TenantId>,
    /// When two tenants were last served one after the other.
    mixed_at: Option<Duration>,
}

impl Crowd {
    pub(super) fn new(writers: usize, slots: usize) -> Self {
        let least = writers.saturating_mul(LEAST);
        // A claim and a result for each slot.
        let most = slots.saturating_mul(2).max(least);
        Self {
            limit: most,
            least,
            most,
            last: None,
            mixed_at: None,
        }
    }

    /// One is claimed.
    pub(super) fn picked(&mut self, ready: &Ready, now: Duration) {
        if self.last.as_ref() == Some(&ready.tenant) {
            return;
        }
        if self.last.is_some() {
            self.mixed_at = Some(now);
        }
        self.last = Some(ready.tenant.clone());
    }

    /// A call wrote something, and took so long.
    pub(super) fn wrote(&mut self, took: Duration) {
        self.limit = if took > CALL {
            (self.limit / 4 * 3).max(self.least)
        } else {
            (self.limit + self.limit / 8 + 1).min(self.most)
        };
    }

    /// How many may be claimed now.
    pub(super) fn room(&self, groups: &[Group], now: Duration) -> usize {
        let mixed = self
            .mixed_at
            .is_some_and(|at| now.saturating_sub(at) < RECENT);
        if !mixed {
            return usize::MAX;
        }
        let unwritten: usize = groups.iter().map(Group::unwritten).sum();
        self.limit.saturating_sub(unwritten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_store_has_less_before_it_and_a_quick_one_more() {
        let mut crowd = Crowd::new(4, 1_024);
        assert_eq!(crowd.limit, 2_048);
        for _ in 0..20 {
            crowd.wrote(CALL * 2);
        }
        assert_eq!(crowd.limit, 256);
        for _ in 0..40 {
            crowd.wrote(CALL / 2);
        }
        assert_eq!(crowd.limit, 2_048);
    }

    #[test]
    fn nothing_is_limited_while_one_tenant_is_served() {
        let mut crowd = Crowd::new(4, 1_024);
        for _ in 0..20 {
            crowd.wrote(CALL * 2);
        }
        assert_eq!(crowd.room(&[], Duration::ZERO), usize::MAX);
        crowd.mixed_at = Some(Duration::ZERO);
        assert_eq!(crowd.room(&[], RECENT / 2), 256);
        assert_eq!(crowd.room(&[], RECENT), usize::MAX);
    }
}
