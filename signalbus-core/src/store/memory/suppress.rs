use std::collections::BTreeMap;

use super::row::Row;
use crate::{
    clock::{Timestamp, is_within},
    mutant::Mutant,
    name::{ChannelName, TenantId},
    store::{AddressHash, Listed, Scope, Suppression, SuppressionFilter, Unsuppress},
};

/// The suppression lists of all tenants.
#[derive(Debug, Clone, Default)]
pub(super) struct Suppressions {
    by_address: BTreeMap<AddressHash, Vec<Listing>>,
}

#[derive(Debug, Clone)]
struct Listing {
    entry: Suppression,
    /// When it was put there.
    at: Timestamp,
}

impl Suppressions {
    pub(super) fn add(&mut self, entry: Suppression, at: Timestamp) {
        let listed = self.by_address.entry(entry.address).or_default();
        let known = listed.iter_mut().find(|Listing { entry: other, .. }| {
            other.tenant == entry.tenant
                && other.channel == entry.channel
                && other.scope == entry.scope
        });
        match known {
            Some(known) if known.entry.cause.gravity() >= entry.cause.gravity() => {}
            Some(known) => *known = Listing { entry, at },
            None => listed.push(Listing { entry, at }),
        }
    }

    pub(super) fn remove(&mut self, which: &Unsuppress) -> bool {
        let Some(listed) = self.by_address.get_mut(&which.address) else {
            return false;
        };
        let before = listed.len();
        listed.retain(|Listing { entry: other, .. }| {
            other.tenant != which.tenant
                || other.channel != which.channel
                || other.scope != which.scope
                || which.only.as_ref().is_some_and(|only| *only != other.cause)
        });
        let removed = listed.len() < before;
        if listed.is_empty() {
            self.by_address.remove(&which.address);
        }
        removed
    }

    /// What stands against a delivery.
    pub(super) fn of(&self, row: &Row) -> Option<&Suppression> {
        let (address, channel) = (row.address?, row.channel()?);
        let (sender, category) = (row.sender.as_deref(), row.category.as_deref());
        self.gravest(row.tenant(), channel, address, sender, category)
    }

    /// What stands against a message.
    pub(super) fn against(&self, asked: &Listed) -> Option<&Suppression> {
        let (sender, category) = (asked.sender.as_deref(), asked.category.as_deref());
        self.gravest(
            &asked.tenant,
            &asked.channel,
            asked.address,
            sender,
            category,
        )
    }

    /// A page of the list of a tenant.
    pub(super) fn page(&self, filter: &SuppressionFilter) -> Vec<Suppression> {
        let mut found: Vec<&Suppression> = self
            .by_address
            .values()
            .flatten()
            .filter(|listing| {
                let since = listing.entry.as_of.unwrap_or(listing.at);
                is_within(since, filter.since_from, filter.since_before)
            })
            .map(|listing| &listing.entry)
            .filter(|entry| entry.tenant.as_ref() == Some(&filter.tenant))
            .filter(|entry| {
                filter
                    .channel
                    .as_ref()
                    .is_none_or(|it| *it == entry.channel)
            })
            .filter(|entry| filter.address.is_none_or(|it| it == entry.address))
            .filter(|entry| filter.cause.as_ref().is_none_or(|it| *it == entry.cause))
            .filter(|entry| filter.after.as_ref().is_none_or(|it| *it < entry.place()))
            .collect();
        found.sort_by_key(|entry| entry.place());
        let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        found.into_iter().take(limit).cloned().collect()
    }

    fn gravest(
        &self,
        tenant: &TenantId,
        channel: &ChannelName,
        address: AddressHash,
        sender: Option<&str>,
        category: Option<&str>,
    ) -> Option<&Suppression> {
        let applies = |scope: &Scope| scope.covers(sender, category);
        let of_tenant = |listed: &Option<TenantId>| {
            listed.as_ref().is_none_or(|listed| listed == tenant)
                || Mutant::TenantLeftOut.is_active()
        };
        // The first of those that are as grave.
        self.by_address
            .get(&address)?
            .iter()
            .rev()
            .map(|listing| &listing.entry)
            .filter(|other| of_tenant(&other.tenant) && other.channel == *channel)
            .filter(|other| applies(&other.scope))
            .max_by_key(|other| other.cause.gravity())
    }
}
