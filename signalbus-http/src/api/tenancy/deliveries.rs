use signalbus_core::{
    DeliveryId,
    store::{DeliveryFilter, DeliveryRecord, HistoryEntry, Page, PageToken},
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

    /// One delivery of this tenant, its history, and the two as a story.
    pub(crate) async fn delivery(
        &self,
        id: DeliveryId,
    ) -> Answer<(DeliveryRecord, Vec<HistoryEntry>, String)> {
        let engine = self.state.engine();
        let store = engine.store();
        let found = store.delivery(&self.tenant, id).await?;
        let record = found.ok_or_else(|| Problem::not_found("delivery"))?;
        let history = store.history(&self.tenant, id).await?;
        let story = engine.explain(&record, &history);
        Ok((record, history, story))
    }
}
