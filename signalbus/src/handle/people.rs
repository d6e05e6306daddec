//! Finding and forgetting one person.

use super::Signalbus;
use crate::{
    name::TenantId,
    store::{
        DeliveryFilter, DeliveryRecord, Erase, Erased, Page, PageToken, RecipientKey, StoreError,
    },
};

/// Who somebody is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Who<'a> {
    /// The application's id of the person, as events name it.
    Id(&'a str),
    /// An address, on the channel of this name.
    Address {
        /// The channel.
        channel: &'a str,
        /// The address, in any form that the channel takes.
        address: &'a str,
    },
}

impl std::fmt::Debug for Who<'_> {
    /// Shows neither id nor address.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Id(_) => "Id",
            Self::Address { .. } => "Address",
        })
    }
}

/// Recipients of events that are erased in one transaction.
const AT_ONCE: u32 = 500;

impl Signalbus {
    /// What was sent, and is to be sent, to somebody: oldest first, a page at a time. By id it finds
    /// what was published with that id, on every channel; by address what went to that address,
    /// whichever id it came with.
    ///
    /// ```
    /// # use signalbus::{Signalbus, TenantId, Who, store::{PageToken, StoreError}};
    /// # async fn example(signalbus: Signalbus, acme: TenantId) -> Result<(), StoreError> {
    /// let ada = signalbus.sent_to(&acme, Who::Id("ada"), PageToken::first(50)).await?;
    /// for delivery in &ada.items {
    ///     println!("{} {:?} {:?}", delivery.topic, delivery.channel, delivery.state);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the channel is not set up, the address cannot be used, or the store cannot be read.
    pub async fn sent_to(
        &self,
        tenant: &TenantId,
        who: Who<'_>,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        let filter = DeliveryFilter::new().tenant(tenant.clone());
        let filter = match who {
            Who::Id(id) => filter.recipient(RecipientKey::of(tenant, id)),
            Who::Address { channel, address } => {
                let (_, resolved) = self.resolve(tenant, channel, address)?;
                filter.address(resolved.hash)
            }
        };
        self.store().list(&filter, page).await
    }

    /// Forgets somebody: who they are and what was sent to them, over all that the store keeps, while
    /// the fact that something was sent stays. Open deliveries of theirs end `cancelled`, for the
    /// reason `erased`; a send in flight may still arrive. Name them by their id and by every address:
    /// what was published without an id is found by addresses only.
    ///
    /// The suppression list stays as it is: its addresses are hashed, and without it they would be
    /// written to again. What lies on a bus, in backups and at providers is not reached; nor is what is
    /// published about them afterwards.
    ///
    /// In batches, each in a transaction: when a later one fails, repeat the call.
    ///
    /// ```
    /// # use signalbus::{Signalbus, TenantId, Who, store::StoreError};
    /// # async fn example(signalbus: Signalbus, acme: TenantId) -> Result<(), StoreError> {
    /// let ada = [
    ///     Who::Id("ada"),
    ///     Who::Address { channel: "email", address: "ada@example.org" },
    /// ];
    /// let erased = signalbus.erase(&acme, &ada, "support: request 4711").await?;
    /// println!("{} messages forgotten", erased.recipients);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When a channel is not set up, an address cannot be used, or the store did not do it.
    pub async fn erase(
        &self,
        tenant: &TenantId,
        who: &[Who<'_>],
        actor: impl Into<String>,
    ) -> Result<Erased, StoreError> {
        let mut erase = Erase {
            tenant: tenant.clone(),
            keys: Vec::new(),
            addresses: Vec::new(),
            actor: actor.into(),
            limit: AT_ONCE,
        };
        for who in who {
            match *who {
                Who::Id(id) => erase.keys.push(RecipientKey::of(tenant, id)),
                Who::Address { channel, address } => {
                    let (_, resolved) = self.resolve(tenant, channel, address)?;
                    erase.keys.push(resolved.recipient_key);
                    erase.addresses.push(resolved.hash);
                }
            }
        }
        let mut all = Erased::default();
        loop {
            all = all.and(self.store().erase(&erase).await?);
            if !all.more {
                return Ok(all);
            }
        }
    }
}
