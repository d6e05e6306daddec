//! Which lineup of providers a delivery is sent by.

use std::collections::HashMap;

use crate::{
    name::{ChannelName, TenantId},
    route::Owner,
    store::{Account, Ready},
};

/// The lineups of a worker, by their places: one for each channel, and others for some tenants and
/// pools.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    /// The channels, and the places of what sends for everybody.
    channels: Vec<(ChannelName, usize)>,
    /// Who has an account of its own, by the place of the one for everybody.
    owned: HashMap<(usize, Owner), usize>,
    /// The channel of each lineup.
    places: Vec<ChannelName>,
}

impl Accounts {
    /// The next lineup sends on this channel for everybody.
    pub(crate) fn add_channel(&mut self, channel: &ChannelName) {
        self.channels.push((channel.clone(), self.places.len()));
        self.places.push(channel.clone());
    }

    /// The next lineup sends for one owner, on the channel that was added last.
    pub(crate) fn add_owned(&mut self, owner: Owner) {
        if let Some((channel, place)) = self.channels.last() {
            self.owned.insert((*place, owner), self.places.len());
            self.places.push(channel.clone());
        }
    }

    /// The next lineup sends for this tenant, on the channel of this lineup of everybody.
    pub(crate) fn add_tenant(&mut self, all: usize, tenant: &TenantId) {
        if let Some(channel) = self.places.get(all).cloned() {
            let owner = (Some(tenant.clone()), None);
            self.owned.insert((all, owner), self.places.len());
            self.places.push(channel);
        }
    }

    /// Whether this tenant has a lineup of its own, by the place of the one for everybody.
    pub(crate) fn has_own(&self, all: usize, tenant: &TenantId) -> bool {
        let owner = (Some(tenant.clone()), None);
        self.owned.contains_key(&(all, owner))
    }

    /// How many lineups there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The channels, each once.
    pub(crate) fn channels(&self) -> impl Iterator<Item = &ChannelName> {
        self.channels.iter().map(|(channel, _)| channel)
    }

    /// The lineup of everybody on this channel.
    pub(crate) fn of_channel(&self, channel: &ChannelName) -> Option<usize> {
        let found = self.channels.iter().find(|(known, _)| known == channel);
        found.map(|(_, place)| *place)
    }

    /// The place of the lineup that sends this delivery; none on a channel that nothing sends on.
    pub(crate) fn of(&self, ready: &Ready) -> Option<usize> {
        let all = self.of_channel(&ready.channel)?;
        if self.owned.is_empty() {
            return Some(all);
        }
        let (tenant, pool) = (Some(ready.tenant.clone()), ready.pool.clone());
        let owned = |owner| self.owned.get(&(all, owner)).copied();
        Some(
            owned((tenant.clone(), pool.clone()))
                .or_else(|| owned((tenant, None)))
                .or_else(|| owned((None, pool)))
                .unwrap_or(all),
        )
    }

    /// As the store knows what waits for this lineup.
    pub(crate) fn account(&self, place: usize, owner: Waiting) -> Option<Account> {
        let (tenant, pool) = owner;
        let channel = self.places.get(place)?.clone();
        Some(Account {
            channel,
            tenant,
            pool,
        })
    }
}

/// Whose a delivery in hand is, and by which pool it is sent.
pub(crate) type Waiting = (TenantId, Option<crate::name::PoolName>);

impl FromIterator<ChannelName> for Accounts {
    fn from_iter<I: IntoIterator<Item = ChannelName>>(channels: I) -> Self {
        let mut accounts = Self::default();
        channels
            .into_iter()
            .for_each(|channel| accounts.add_channel(&channel));
        accounts
    }
}
