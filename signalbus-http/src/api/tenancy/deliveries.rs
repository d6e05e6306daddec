use signalbus_core::{
    DeliveryId,
    store::{
        DeliveryFilter, DeliveryRecord, HistoryEntry, Page, PageToken, Receipt, ReceiptEffect,
    },
};

use super::Tenancy;
use crate::api::problem::{Answer, Problem};

impl Tenancy {
    /// Deliveries of this tenant that match, a page at a time.
    pub(crate) async fn deliveries(
        &self,
        filter: DeliveryFilter,
        page: PageToken,
    ) -> Answer<Page<DeliveryRecord>> {
        let filter = filter.tenant(self.tenant.clone());
        Ok(self.state.engine().store().list(&filter, page).await?)
    }

    /// Deliveries of this tenant to one address that match, a page at a time.
    pub(crate) async fn deliveries_to(
        &self,
        channel: &str,
        address: &str,
        filter: DeliveryFilter,
        page: PageToken,
    ) -> Answer<Page<DeliveryRecord>> {
        let filter = self.to(channel, address, filter)?;
        self.deliveries(filter, page).await
    }

    /// Only what goes to one address.
    pub(crate) fn to(
        &self,
        channel: &str,
        address: &str,
        filter: DeliveryFilter,
    ) -> Answer<DeliveryFilter> {
        let engine = self.state.engine();
        let (channel, address) = engine.address(&self.tenant, channel, address)?;
        Ok(filter.channel(channel).address(address))
    }

    /// Records what providers said about messages of this tenant.
    pub(crate) async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Answer<Vec<ReceiptEffect>> {
        let own = receipts.into_iter().map(|mut receipt| {
            receipt.tenant = Some(self.tenant.clone());
            receipt
        });
        let store = self.state.engine().store();
        Ok(store.record_receipts(own.collect()).await?)
    }

    /// One delivery of this tenant, its history, and the two as a story.
    pub(crate) async fn delivery(
        &self,
        id: DeliveryId,
    ) -> Answer<(DeliveryRecord, Vec<HistoryEntry>, String)> {
        let found = self.state.engine().explain(&self.tenant, id).await?;
        found.ok_or_else(|| Problem::not_found("delivery"))
    }
}
