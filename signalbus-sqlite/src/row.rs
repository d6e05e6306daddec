//! What rows mean.

use signalbus_core::{
    clock::Timestamp,
    id::{DeliveryId, EventId},
    store::{
        DeliveryRecord, GatherKey, Position, Ready, Reason, ReceiptKind, StoreError, StoredEvent,
    },
};

use crate::{
    codec::{Columns, class_of, order_of},
    states::state_of,
};

/// The columns that [`event`] reads, from `signalbus_event AS e`.
macro_rules! event_columns {
    () => {
        "e.id, e.tenant, e.topic, e.class, e.accepted_at, e.content"
    };
}

/// The columns that [`ready`] reads, from `signalbus_delivery AS d` and `signalbus_event AS e`.
macro_rules! ready_columns {
    () => {
        "d.position, d.id, e.id, d.tenant, d.channel, d.class, d.lane, d.order_key, d.order_mode,
         d.generation, d.attempt, d.tries, d.failures, d.suspicion, d.due, d.accepted_at,
         d.expires_at, d.pool, d.memo"
    };
}

/// The columns that [`delivery`] reads, from the same two.
macro_rules! delivery_columns {
    () => {
        concat!(
            "d.position, d.id, e.id, d.tenant, e.topic, d.recipient, d.channel, d.state, d.reason,
         d.generation, d.attempt, d.tries, CASE WHEN d.state IN (",
            $crate::states::state!(ready),
            ", ",
            $crate::states::state!(timed),
            ", ",
            $crate::states::state!(behind),
            ") AND d.due < 253402128000000000 THEN d.due END, d.expires_at,
         d.accepted_at, d.ended_at, d.provider, d.message_id, d.receipt, d.pool, d.after, d.gather,
         d.watched"
        )
    };
}

pub(crate) use {delivery_columns, event_columns, ready_columns};

/// An event without its files.
pub(crate) fn event(columns: &mut Columns<'_>) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        id: EventId::from_uuid(columns.uuid()?),
        tenant: columns.name()?,
        topic: columns.name()?,
        class: class_of(columns.take()?)?,
        accepted_at: columns.time()?,
        content: columns.take::<Vec<u8>>()?.into(),
        attachments: Vec::new(),
    })
}

/// One row among many: when it cannot be read, that costs its own delivery and not the rest.
pub(crate) fn readable<T>(row: Result<T, StoreError>) -> Option<T> {
    row.inspect_err(|error| {
        tracing::error!(%error, "a delivery cannot be read and is left alone: repair its row");
    })
    .ok()
}

/// A delivery for the engine.
pub(crate) fn ready(columns: &mut Columns<'_>) -> Result<Ready, StoreError> {
    let place = (
        Position(columns.take()?),
        DeliveryId::from_uuid(columns.uuid()?),
    );
    let event = EventId::from_uuid(columns.uuid()?);
    let (tenant, channel) = (columns.name()?, columns.name()?);
    let (class, lane) = (class_of(columns.take()?)?, columns.lane()?);
    let order_key = columns.take::<i64>()?.cast_unsigned();
    let order = order_of(columns.take()?)?;
    let (generation, attempt) = (columns.number()?, columns.number()?);
    let (tries, failures) = (columns.number()?, columns.number()?);
    let (suspicion, since) = (columns.number()?, columns.time()?);
    let mut ready = Ready::new(place, event, tenant, channel, class, lane, since);
    ready.order_key = order_key;
    ready.order = order;
    ready.generation = generation;
    ready.attempt = attempt;
    ready.tries = tries;
    ready.failures = failures;
    ready.suspicion = suspicion;
    ready.accepted_at = columns.time()?;
    ready.expires_at = columns.time_or_none()?;
    ready.pool = columns.name_if_any()?;
    ready.memo = columns.take_or_none::<Vec<u8>>()?.map(Into::into);
    Ok(ready)
}

/// A delivery for an operator.
pub(crate) fn delivery(columns: &mut Columns<'_>) -> Result<DeliveryRecord, StoreError> {
    let place = (
        Position(columns.take()?),
        DeliveryId::from_uuid(columns.uuid()?),
    );
    let event = EventId::from_uuid(columns.uuid()?);
    let (tenant, topic) = (columns.name()?, columns.name()?);
    let epoch = Timestamp::UNIX_EPOCH;
    let mut record = DeliveryRecord::new(place, event, tenant, topic, epoch);
    record.recipient = columns.number()?;
    record.channel = columns.name_or_none()?;
    record.state = state_of(columns.take()?);
    record.reason = columns.take_or_none::<String>()?.map(Reason::from);
    record.generation = columns.number()?;
    record.attempt = columns.number()?;
    record.tries = columns.number()?;
    record.due = columns.time_or_none()?;
    record.expires_at = columns.time_or_none()?;
    record.accepted_at = columns.time()?;
    record.ended_at = columns.time_or_none()?;
    record.provider = columns.name_or_none()?;
    record.provider_message_id = columns.take_or_none()?;
    record.receipt = columns.take_or_none::<String>()?.map(ReceiptKind::from);
    record.pool = columns.name_if_any()?;
    record.after = columns.uuid_or_none()?.map(DeliveryId::from_uuid);
    record.gather = columns.bytes_or_none()?.map(GatherKey);
    record.watched = columns.take()?;
    Ok(record)
}
