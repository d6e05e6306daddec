use std::collections::BTreeMap;

use super::{row::Row, tables::Tables};
use crate::{
    clock::{Timestamp, is_within},
    event::Attachment,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        DeliveryFilter, DeliveryRecord, EventRecord, FOREVER, HistoryEntry, Page, PageToken,
        Position, Reason, State, StoreError, StoreErrorKind, StoredEvent, Tally,
    },
};

impl Tables {
    pub(super) fn event(&self, tenant: &TenantId, id: EventId) -> Option<EventRecord> {
        let event = self.event_of(tenant, id)?;
        let deliveries = event
            .positions()
            .filter_map(|position| Some(self.rows.get(position.0)?.record(position)));
        let mut record = EventRecord::new(
            StoredEvent::clone(&event.stored),
            event.recipients.clone(),
            deliveries.collect(),
        );
        record.parent = event.parent;
        Some(record)
    }

    pub(super) fn delivery(&self, tenant: &TenantId, id: DeliveryId) -> Option<DeliveryRecord> {
        let position = self.position_of(tenant, id)?;
        Some(self.rows.get(position.0)?.record(position))
    }

    pub(super) fn history(&self, tenant: &TenantId, id: DeliveryId) -> Vec<HistoryEntry> {
        self.position_of(tenant, id)
            .and_then(|position| self.rows.get(position.0))
            .map(|row| row.history.clone())
            .unwrap_or_default()
    }

    pub(super) fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        if page.limit == 0 {
            return Err(StoreError::new(
                StoreErrorKind::Invalid,
                "a page must hold at least one delivery",
            ));
        }
        let from = page.after.map_or(0, |after| after.0.saturating_add(1));
        let mut matching = self
            .rows
            .iter_from(from)
            .filter(|(_, row)| self.matches(filter, row))
            .map(|(number, row)| row.record(Position(number)));
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let items: Vec<DeliveryRecord> = matching.by_ref().take(limit).collect();
        let next = matching.next().map(|_| PageToken {
            after: items.last().map(|last| last.position),
            limit: page.limit,
        });
        Ok(Page { items, next })
    }

    pub(super) fn tally(&self, filter: &DeliveryFilter) -> Vec<Tally> {
        let mut tallies: BTreeMap<TallyKey<'_>, Tally> = BTreeMap::new();
        for (_, row) in self
            .rows
            .iter_from(0)
            .filter(|(_, row)| self.matches(filter, row))
        {
            let state = row.state();
            let reason = row.reason();
            let tally = tallies
                .entry((row.tenant(), row.channel(), state.as_str(), reason))
                .or_insert_with(|| Tally {
                    tenant: row.tenant().clone(),
                    channel: row.channel().cloned(),
                    state,
                    reason: reason.cloned(),
                    count: 0,
                    oldest: None,
                });
            let since = if state == State::Waiting && row.due < FOREVER {
                row.due
            } else {
                row.event.accepted_at
            };
            tally.count += 1;
            tally.oldest = Some(
                tally
                    .oldest
                    .map_or(since, |oldest: Timestamp| oldest.min(since)),
            );
        }
        tallies.into_values().collect()
    }
}

type TallyKey<'a> = (
    &'a TenantId,
    Option<&'a ChannelName>,
    &'static str,
    Option<&'a Reason>,
);

impl Tables {
    /// Whether a delivery is one of those that are asked for.
    pub(super) fn matches(&self, filter: &DeliveryFilter, row: &Row) -> bool {
        let of_recipient = |key| {
            let place = usize::try_from(row.recipient).unwrap_or(usize::MAX);
            let event = self.events.get(row.number);
            event.is_some_and(|event| {
                event
                    .recipients
                    .get(place)
                    .is_some_and(|one| one.key == key)
            })
        };
        filter.recipient.is_none_or(of_recipient) && matches(filter, row)
    }

    /// The files of an event.
    pub(super) fn files(&self, tenant: &TenantId, id: EventId) -> Vec<Attachment> {
        let event = self.event_of(tenant, id);
        event.map(|event| event.files.clone()).unwrap_or_default()
    }
}

fn matches(filter: &DeliveryFilter, row: &Row) -> bool {
    fn is<T: PartialEq>(wanted: Option<&T>, value: &T) -> bool {
        wanted.is_none_or(|wanted| wanted == value)
    }
    let accepted_at = row.event.accepted_at;
    is(filter.tenant.as_ref(), row.tenant())
        && is(filter.event.as_ref(), &row.event.id)
        && is(filter.topic.as_ref(), &row.event.topic)
        && filter
            .channel
            .as_ref()
            .is_none_or(|channel| row.channel() == Some(channel))
        && is(filter.state.as_ref(), &row.state())
        && filter
            .reason
            .as_ref()
            .is_none_or(|reason| row.reason() == Some(reason))
        && filter
            .address
            .is_none_or(|address| row.address == Some(address))
        && filter
            .provider
            .as_ref()
            .is_none_or(|provider| row.provider.as_ref() == Some(provider))
        && filter
            .message_id
            .as_ref()
            .is_none_or(|id| row.provider_message_id.as_ref() == Some(id))
        && is_within(accepted_at, filter.accepted_from, filter.accepted_before)
}
