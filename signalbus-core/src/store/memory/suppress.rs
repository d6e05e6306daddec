use std::collections::BTreeMap;

use super::row::Row;
use crate::{
    mutant::Mutant,
    name::{ChannelName, TenantId},
    store::{AddressHash, Suppression},
};

/// The suppression lists of all tenants.
#[derive(Debug, Clone, Default)]
pub(super) struct Suppressions {
    by_address: BTreeMap<AddressHash, Vec<Suppression>>,
}

impl Suppressions {
    pub(super) fn add(&mut self, suppression: Suppression) {
        let listed = self.by_address.entry(suppression.address).or_default();
        let known = listed
            .iter()
            .any(|other| is_of(other, &suppression.tenant, &suppression.channel));
        if !known {
            listed.push(suppression);
        }
    }

    pub(super) fn remove(
        &mut self,
        tenant: &TenantId,
        channel: &ChannelName,
        address: AddressHash,
    ) -> bool {
        let Some(listed) = self.by_address.get_mut(&address) else {
            return false;
        };
        let before = listed.len();
        listed.retain(|other| !is_of(other, tenant, channel));
        let removed = listed.len() < before;
        if listed.is_empty() {
            self.by_address.remove(&address);
        }
        removed
    }

    /// The line of its tenant's list that has the address of a delivery.
    pub(super) fn of(&self, row: &Row) -> Option<&Suppression> {
        let (address, channel) = (row.address.as_ref()?, row.channel()?);
        self.by_address
            .get(address)?
            .iter()
            .find(|other| is_of(other, row.tenant(), channel) || Mutant::TenantLeftOut.is_active())
    }
}

fn is_of(suppression: &Suppression, tenant: &TenantId, channel: &ChannelName) -> bool {
    suppression.tenant == *tenant && suppression.channel == *channel
}
