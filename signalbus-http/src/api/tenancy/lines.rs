//! Events, attempts and receipts: what deliveries tell about them, a page at a time.

use std::collections::HashSet;

use signalbus_core::{
    id::EventId,
    store::{DeliveryFilter, PageToken, Position},
};

use super::Tenancy;
use crate::api::{
    problem::Answer,
    words::{EventLine, EventList, EventPlace, LineFilter, LineList, LineOut, LinePlace},
};

/// How many deliveries one request looks at, however few of them match.
const LOOKED_AT: u32 = 1_000;
/// How many histories one request reads.
const READ: usize = 300;
/// How many deliveries are read at once.
const AT_ONCE: u32 = 100;

impl Tenancy {
    /// Events of this tenant with a delivery that matches, each once in a page. Deliveries of one event stand one
    /// behind the other; where several processes publish at once, those of another may lie between, and then the page
    /// that begins there names its event again.
    pub(crate) async fn events(
        &self,
        filter: DeliveryFilter,
        after: Option<EventPlace>,
        limit: u32,
    ) -> Answer<EventList> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut items, mut last) = (Vec::new(), after);
        let mut named: HashSet<EventId> = after.iter().map(|place| place.event).collect();
        let mut looked_at = 0;
        loop {
            let page = self
                .behind(&filter, last.map(|place| place.delivery))
                .await?;
            for delivery in &page.items {
                if !named.contains(&delivery.event) {
                    if items.len() == limit {
                        return Ok(EventList::of(items, last));
                    }
                    named.insert(delivery.event);
                    items.push(EventLine::of(delivery));
                }
                last = Some(EventPlace {
                    delivery: delivery.position,
                    event: delivery.event,
                });
            }
            looked_at += AT_ONCE;
            if page.next.is_none() {
                return Ok(EventList::of(items, None));
            }
            if looked_at >= LOOKED_AT {
                return Ok(EventList::of(items, last));
            }
        }
    }

    /// Lines of the histories of deliveries of this tenant.
    pub(crate) async fn lines(
        &self,
        filter: LineFilter,
        after: Option<LinePlace>,
        limit: u32,
    ) -> Answer<LineList> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let store = self.state.engine().store();
        let mut items = Vec::new();
        // The delivery of the last line may have more of them.
        let mut behind = after.map(|place| Position(place.delivery.0.saturating_sub(1)));
        let mut last = after;
        let (mut looked_at, mut read) = (0, 0);
        loop {
            let page = self.behind(&filter.deliveries, behind).await?;
            for delivery in &page.items {
                if filter.may_be_in(delivery) {
                    let seen = last.filter(|last| last.delivery == delivery.position);
                    let history = store.history(&self.tenant, delivery.id).await?;
                    read += 1;
                    for (line, entry) in history.into_iter().enumerate() {
                        if seen.is_some_and(|seen| line <= seen.line) || !filter.takes(&entry) {
                            continue;
                        }
                        if items.len() == limit {
                            return Ok(LineList::of(items, last));
                        }
                        items.push(LineOut::of(delivery, entry));
                        last = Some(LinePlace {
                            delivery: delivery.position,
                            line,
                        });
                    }
                }
                behind = Some(delivery.position);
                if read == READ {
                    break;
                }
            }
            looked_at += AT_ONCE;
            if read < READ && page.next.is_none() {
                return Ok(LineList::of(items, None));
            }
            if read >= READ || looked_at >= LOOKED_AT {
                // Up to here all was read; what is written later to these is not of this walk.
                let next = behind.map(|delivery| LinePlace {
                    delivery,
                    line: usize::MAX,
                });
                return Ok(LineList::of(items, next));
            }
        }
    }

    async fn behind(
        &self,
        filter: &DeliveryFilter,
        after: Option<Position>,
    ) -> Answer<signalbus_core::store::Page<signalbus_core::store::DeliveryRecord>> {
        let page = PageToken {
            after,
            limit: AT_ONCE,
        };
        self.deliveries(filter.clone(), page).await
    }
}
