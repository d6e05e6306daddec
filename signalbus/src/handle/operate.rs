use super::Signalbus;
use crate::{
    channel::Channel,
    details::EventDetails,
    engine::rejected_payload,
    explain::Explanation,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    route::Resolved,
    store::{
        Cancel, CancelTarget, Cancelled, Cause, DeliveryFilter, DeliveryRecord, Page, PageToken,
        Pause, Paused, Receipt, ReceiptEffect, Redrive, Redriven, Released, Retention, State,
        StoreError, StoreErrorKind, Suppression, Tally, Unsuppress,
    },
};

/// How many held deliveries one transaction puts back.
const RELEASED_AT_ONCE: u32 = 1_000;

impl Signalbus {
    /// What happened to a delivery and why; none when the tenant has no such delivery.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn explain(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<Explanation>, StoreError> {
        let store = self.store();
        let Some(delivery) = store.delivery(tenant, id).await? else {
            return Ok(None);
        };
        let history = store.history(tenant, id).await?;
        let waits = !matches!(delivery.state, State::Ended(_));
        let unserved = match &delivery.channel {
            Some(channel) if waits => {
                let unserved = store.unserved().await?;
                unserved.iter().any(|(other, _)| other == channel)
            }
            _ => false,
        };
        Ok(Some(Explanation {
            delivery,
            history,
            unserved,
        }))
    }

    /// What an event that was rejected on its way from a bus had for a payload: the first 64 KiB of
    /// it, and how many bytes there were. None for any other event.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rejected_payload(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<(Vec<u8>, usize)>, StoreError> {
        let event = self.store().event(tenant, id).await?;
        let rejected = event.filter(|event| {
            let mut deliveries = event.deliveries.iter();
            deliveries.all(|delivery| delivery.channel.is_none())
        });
        Ok(rejected.and_then(|event| rejected_payload(&event.event.content)))
    }

    /// One event with its recipients and deliveries, decoded; none when the tenant has no such event.
    /// Its secret is never in it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn event(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<EventDetails>, StoreError> {
        let record = self.store().event(tenant, id).await?;
        Ok(record.map(EventDetails::of))
    }

    /// Deliveries that match, oldest first, a page at a time.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        self.store().list(filter, page).await
    }

    /// Counts deliveries by tenant, channel, state and reason.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn tally(&self, filter: &DeliveryFilter) -> Result<Vec<Tally>, StoreError> {
        self.store().tally(filter).await
    }

    /// Gives ended deliveries a new generation (promise P4): dead, expired, suppressed and unknown
    /// ones can be redriven. In batches of [`Redrive::limit`]: repeat while
    /// [`Redriven::more`] says so.
    ///
    /// # Errors
    /// When the store did not do it: nothing was changed.
    pub async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        let redriven = self.store().redrive(redrive).await?;
        self.shared().bell.ring_all();
        Ok(redriven)
    }

    /// Calls off what was not sent yet. Empty when the tenant has no such event or delivery.
    ///
    /// # Errors
    /// When the store did not do it: nothing was changed.
    pub async fn cancel(
        &self,
        tenant: &TenantId,
        target: CancelTarget,
        actor: impl Into<String>,
    ) -> Result<Vec<Cancelled>, StoreError> {
        self.store()
            .cancel(
                tenant,
                Cancel {
                    target,
                    actor: actor.into(),
                },
            )
            .await
    }

    /// Holds back what is in `what`, until [`Signalbus::resume`]: what waits, and what is published.
    /// Says whether it is new; a pause that stands keeps its reason. What was claimed before goes out.
    ///
    /// A pause of a provider may name its channel as well; engines hear of it within
    /// [`EngineOptions::with_lease`](crate::EngineOptions::with_lease) / 3, and use another provider of
    /// the same lineup meanwhile, if there is one.
    ///
    /// # Errors
    /// When a pause of a provider names a tenant or topic, or the store did not do it.
    pub async fn pause(
        &self,
        what: Paused,
        actor: impl Into<String>,
        reason: impl Into<String>,
    ) -> Result<bool, StoreError> {
        if what.provider.is_some() && (what.tenant.is_some() || what.topic.is_some()) {
            let problem = "a pause of a provider holds for every tenant and topic: leave them out";
            return Err(StoreError::new(StoreErrorKind::Invalid, problem));
        }
        let new = self.store().pause(Pause::new(what, actor, reason)).await?;
        self.shared().bell.ring();
        Ok(new)
    }

    /// Ends a pause and puts back what nothing holds any more, a batch at a time; none when there was
    /// no such pause. Not cancel safe in one respect: what was left held then is put back by the
    /// engines, a batch every 15 s.
    ///
    /// # Errors
    /// When the store did not do all of it: call it again.
    pub async fn resume(&self, what: &Paused) -> Result<Option<u64>, StoreError> {
        let stood = self.store().resume(what).await?;
        let mut count = 0;
        loop {
            let Released { released, more } = self.store().release(RELEASED_AT_ONCE).await?;
            count += released;
            self.shared().bell.ring();
            if !more {
                return Ok((stood || count > 0).then_some(count));
            }
        }
    }

    /// The pauses that stand, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.store().pauses().await
    }

    /// Puts an address on the suppression list: nothing is sent to it any more. For a scope, hand
    /// the store a [`Suppression`].
    ///
    /// # Errors
    /// When the channel is not set up, the address cannot be used, or the store did not do it.
    pub async fn suppress(
        &self,
        tenant: &TenantId,
        channel: &str,
        address: &str,
        cause: impl Into<Cause>,
    ) -> Result<(), StoreError> {
        let (channel, resolved) = self.resolve(tenant, channel, address)?;
        let entry = Suppression::new(tenant.clone(), channel, resolved.hash, cause);
        self.store().suppress(vec![entry]).await
    }

    /// The same on a channel that is named by its type.
    ///
    /// # Errors
    /// As [`Signalbus::suppress`].
    pub async fn suppress_on<C: Channel>(
        &self,
        tenant: &TenantId,
        address: &str,
        cause: impl Into<Cause>,
    ) -> Result<(), StoreError> {
        self.suppress(tenant, C::NAME, address, cause).await
    }

    /// The same on a channel that is named by its type.
    ///
    /// # Errors
    /// As [`Signalbus::unsuppress`].
    pub async fn unsuppress_on<C: Channel>(
        &self,
        tenant: &TenantId,
        address: &str,
    ) -> Result<bool, StoreError> {
        self.unsuppress(tenant, C::NAME, address).await
    }

    /// Takes an address off the suppression list, where everything to it was kept back; says whether it was on it.
    ///
    /// # Errors
    /// When the channel is not set up, the address cannot be used, or the store did not do it.
    pub async fn unsuppress(
        &self,
        tenant: &TenantId,
        channel: &str,
        address: &str,
    ) -> Result<bool, StoreError> {
        let (channel, resolved) = self.resolve(tenant, channel, address)?;
        let entry = Unsuppress::new(tenant.clone(), channel, resolved.hash);
        self.store().unsuppress(entry).await
    }

    /// Records what providers said later.
    ///
    /// # Errors
    /// When the store did not do it: none was recorded.
    pub async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        self.store().record_receipts(receipts).await
    }

    /// Forgets events that ended longer ago than they are to be kept, with their keys and history; says
    /// how many. Repeat while it says as many as [`Retention::limit`].
    ///
    /// # Errors
    /// When the store did not do it: nothing was changed.
    pub async fn purge(&self, retention: &Retention) -> Result<u64, StoreError> {
        self.store().purge(retention).await
    }

    pub(super) fn resolve(
        &self,
        tenant: &TenantId,
        channel: &str,
        address: &str,
    ) -> Result<(ChannelName, Resolved), StoreError> {
        let invalid = |problem: String| StoreError::new(StoreErrorKind::Invalid, problem);
        let route = self
            .shared()
            .planner
            .routes
            .get(channel)
            .ok_or_else(|| invalid(format!("no channel named {channel:?} is set up")))?;
        let resolved = route
            .resolve(address, tenant, None)
            .map_err(|error| invalid(error.to_string()))?;
        Ok((route.name().clone(), resolved))
    }
}
