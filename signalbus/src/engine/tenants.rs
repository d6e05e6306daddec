//! Metrics by tenant, for a few of them: the rest is `other`.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use metrics::counter;

use super::metrics::names;
use crate::{
    name::TenantId,
    store::{Acceptance, EndState, NewEvent},
};

/// Everybody who has no series of their own.
const OTHER: &str = "other";

/// Counts for tenants, with series for at most `most` of them and `other`.
///
/// A tenant gets a series when it has brought more than its part of what was counted; it keeps it, as
/// a series cannot be taken back. What it brought before stays in `other`. How much each brought is
/// known roughly, for the largest (Metwally, Agrawal and El Abbadi, "Efficient computation of frequent
/// and top-k elements in data streams", 2005): memory does not grow with the number of tenants.
#[derive(Debug)]
pub(crate) struct Tenants {
    most: usize,
    largest: Mutex<Largest>,
}

#[derive(Debug, Default)]
struct Largest {
    /// How often each was counted, and how much of that may be another's.
    counts: HashMap<TenantId, (u64, u64)>,
    total: u64,
    named: BTreeSet<TenantId>,
}

/// How much a tenant brings before it can be one of the large ones.
const LEAST: u64 = 16;

impl Tenants {
    /// Names at most `most` tenants; none when that is zero.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            largest: Mutex::default(),
        }
    }

    /// Whose the deliveries of these events are, and how many; nothing when nobody is named.
    pub(crate) fn of(&self, events: &[NewEvent]) -> Vec<(TenantId, u64)> {
        if self.most == 0 {
            return Vec::new();
        }
        events
            .iter()
            .map(|event| {
                let deliveries = u64::try_from(event.deliveries.len()).unwrap_or(u64::MAX);
                (event.tenant.clone(), deliveries)
            })
            .collect()
    }

    /// Those events were answered.
    pub(crate) fn published(&self, whose: &[(TenantId, u64)], answers: &[Acceptance]) {
        for ((tenant, deliveries), answer) in whose.iter().zip(answers) {
            if matches!(answer, Acceptance::Accepted) && *deliveries > 0 {
                let label = self.label(tenant, *deliveries);
                counter!(names::TENANT_PUBLISHED, "tenant" => label).increment(*deliveries);
            }
        }
    }

    /// A delivery ended in this engine.
    pub(crate) fn ended(&self, tenant: &TenantId, state: EndState) {
        if self.most > 0 {
            let label = self.label(tenant, 0);
            counter!(names::TENANT_ENDED, "tenant" => label, "state" => state.as_str())
                .increment(1);
        }
    }

    /// The name of a tenant, if it is one of those that have a series.
    fn label(&self, tenant: &TenantId, brought: u64) -> String {
        let mut largest = self.largest.lock().unwrap_or_else(PoisonError::into_inner);
        if largest.named.contains(tenant) || largest.counts_as_large(tenant, brought, self.most) {
            tenant.to_string()
        } else {
            OTHER.to_owned()
        }
    }
}

impl Largest {
    /// Counts, and names the tenant when it is large and there is room.
    fn counts_as_large(&mut self, tenant: &TenantId, brought: u64, most: usize) -> bool {
        if self.named.len() >= most || brought == 0 {
            return false;
        }
        self.total = self.total.saturating_add(brought);
        let room = most.saturating_mul(8);
        if let Some((count, _)) = self.counts.get_mut(tenant) {
            *count = count.saturating_add(brought);
        } else if self.counts.len() < room {
            self.counts.insert(tenant.clone(), (brought, 0));
        } else {
            let smallest = self.counts.iter().min_by_key(|(_, (count, _))| *count);
            let Some((gone, least)) = smallest.map(|(of, (count, _))| (of.clone(), *count)) else {
                return false;
            };
            self.counts.remove(&gone);
            let count = least.saturating_add(brought);
            self.counts.insert(tenant.clone(), (count, least));
        }
        let sure = self
            .counts
            .get(tenant)
            .map_or(0, |(count, of_another)| count - of_another);
        let part = self.total / u64::try_from(most.saturating_mul(2)).unwrap_or(u64::MAX);
        let large = sure >= part.max(LEAST);
        if large {
            self.named.insert(tenant.clone());
        }
        large
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    #[test]
    fn of_ten_thousand_equal_tenants_none_is_named() {
        let tenants = Tenants::new(10);
        for round in 0..40 {
            for number in 0..10_000 {
                let label = tenants.label(&tenant(&format!("t{number}")), 1);
                assert_eq!(label, OTHER, "t{number} in round {round}");
            }
        }
        let largest = tenants.largest.lock().unwrap();
        assert!(largest.counts.len() <= 80);
    }

    #[test]
    fn large_ones_among_ten_thousand_are_named_and_no_more_than_agreed() {
        let tenants = Tenants::new(3);
        let mut labels = BTreeSet::new();
        for number in 0..10_000_u32 {
            labels.insert(tenants.label(&tenant(&format!("t{number}")), 1));
            for large in ["a", "b"] {
                labels.insert(tenants.label(&tenant(large), 1));
            }
        }
        let named: Vec<&str> = labels.iter().map(String::as_str).collect();
        assert_eq!(named, ["a", "b", OTHER]);
        for number in 0..10 {
            for _ in 0..100_000 {
                tenants.label(&tenant(&format!("late{number}")), 1);
            }
        }
        assert_eq!(tenants.largest.lock().unwrap().named.len(), 3);
    }

    #[test]
    fn without_the_option_nobody_is_counted() {
        let tenants = Tenants::new(0);
        assert_eq!(tenants.label(&tenant("a"), 1_000), OTHER);
        assert!(tenants.of(&[]).is_empty());
    }
}
