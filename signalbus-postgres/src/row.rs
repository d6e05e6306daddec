//! What rows mean.

use signalbus_core::{
    id::{DeliveryId, EventId},
    store::{DeliveryRecord, Position, Ready, Reason, ReceiptKind, StoreError, StoredEvent},
};

use crate::codec::{Columns, class_of, order_of, state_of};

/// The columns that [`event`] reads, from `signalbus.event AS e`.
macro_rules! event_columns {
    () => {
        "e.id, e.tenant, e.topic, e.class, e.accepted_at, e.content"
    };
}

/// The columns that [`ready`] reads, from `signalbus.delivery AS d`.
macro_rules! ready_columns {
    () => {
        "d.position, d.id, d.event, d.tenant, d.channel, d.class, d.lane, d.order_key, d.order_mode,
         d.generation, d.attempt, d.failures, d.suspicion, d.due, d.accepted_at, d.expires_at,
         coalesce((SELECT f.file_bytes FROM signalbus.event AS f WHERE f.id = d.event), 0)"
    };
}

/// The columns that [`delivery`] reads, from it and `signalbus.event AS e`.
macro_rules! delivery_columns {
    () => {
        "d.position, d.id, d.event, d.tenant, e.topic, d.recipient, d.channel, d.state, d.reason,
         d.generation, d.attempt, CASE WHEN d.state IN (0, 1, 3, 4) THEN d.due END, d.expires_at,
         d.accepted_at, d.ended_at, d.provider, d.message_id, d.receipt"
    };
}

pub(crate) use {delivery_columns, event_columns, ready_columns};

/// An event without its files.
pub(crate) fn event(columns: &mut Columns<'_>) -> Result<StoredEvent, StoreError> {
    Ok(StoredEvent {
        id: EventId::from_uuid(columns.uuid()?),
        tenant: columns.name()?,
        topic: columns.name()?,
        class: class_of(columns.int()?)?,
        accepted_at: columns.time()?,
        content: columns.take::<Vec<u8>>()?.into(),
    })
}

/// An event whose content may be left out, as it came with another row; its id either way.
pub(crate) fn event_if_whole(
    mut columns: Columns<'_>,
) -> Result<(uuid::Uuid, Option<StoredEvent>), StoreError> {
    let id = columns.uuid()?;
    let (tenant, topic) = (columns.name()?, columns.name()?);
    let class = class_of(columns.int()?)?;
    let accepted_at = columns.time()?;
    let content: Option<Vec<u8>> = columns.take_or_none()?;
    let event = content.map(|content| StoredEvent {
        id: EventId::from_uuid(id),
        tenant,
        topic,
        class,
        accepted_at,
        content: content.into(),
    });
    Ok((id, event))
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
    Ok(Ready {
        position: Position(columns.int()?),
        id: DeliveryId::from_uuid(columns.uuid()?),
        event: EventId::from_uuid(columns.uuid()?),
        tenant: columns.name()?,
        channel: columns.name()?,
        class: class_of(columns.int()?)?,
        lane: columns.lane()?,
        order_key: columns.int()?.cast_unsigned(),
        order: order_of(columns.int()?)?,
        generation: columns.number()?,
        attempt: columns.number()?,
        failures: columns.number()?,
        suspicion: columns.number()?,
        since: columns.time()?,
        accepted_at: columns.time()?,
        expires_at: columns.time_or_none()?,
        bytes: columns.number()?,
    })
}

/// A delivery for an operator.
pub(crate) fn delivery(columns: &mut Columns<'_>) -> Result<DeliveryRecord, StoreError> {
    Ok(DeliveryRecord {
        position: Position(columns.int()?),
        id: DeliveryId::from_uuid(columns.uuid()?),
        event: EventId::from_uuid(columns.uuid()?),
        tenant: columns.name()?,
        topic: columns.name()?,
        recipient: columns.number()?,
        channel: columns.name_or_none()?,
        state: state_of(columns.int()?)?,
        reason: columns.take_or_none::<String>()?.map(Reason::from),
        generation: columns.number()?,
        attempt: columns.number()?,
        due: columns.time_or_none()?,
        expires_at: columns.time_or_none()?,
        accepted_at: columns.time()?,
        ended_at: columns.time_or_none()?,
        provider: columns.name_or_none()?,
        provider_message_id: columns.take_or_none()?,
        receipt: columns.take_or_none::<String>()?.map(ReceiptKind::from),
    })
}
