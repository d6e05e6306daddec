//! An event as it was published, read back for people.

use std::fmt;

use serde_json::Value;

use crate::{
    clock::Timestamp,
    event::{Class, Recipient},
    id::EventId,
    name::{TenantId, Topic},
    route::{content::Content, recipient},
    store::{DeliveryRecord, EventRecord, RecipientKey},
};

/// An event with its recipients and deliveries, decoded. Its secret and its files are not in it.
#[derive(Clone)]
#[non_exhaustive]
pub struct EventDetails {
    /// Its id.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is about.
    pub topic: Topic,
    /// How urgent it is.
    pub class: Class,
    /// When it was accepted, by the store's clock.
    pub accepted_at: Timestamp,
    /// What templates use as `data`; none when it was erased, or was written by a newer version.
    pub data: Option<Value>,
    /// The language for recipients that name none.
    pub locale: Option<String>,
    /// Who was to hear of it.
    pub recipients: Vec<RecipientDetails>,
    /// What became of it, in the order of acceptance.
    pub deliveries: Vec<DeliveryRecord>,
}

/// A recipient of an event.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecipientDetails {
    /// Who it is, hashed: finds what else was sent to them.
    pub key: RecipientKey,
    /// As published; none when they were erased, or it was written by a newer version.
    pub recipient: Option<Recipient>,
}

impl EventDetails {
    pub(crate) fn of(record: EventRecord) -> Self {
        let content = Content::decode(&record.event.content).ok();
        let (data, locale) =
            content.map_or((None, None), |content| (Some(content.data), content.locale));
        let recipients = record.recipients.into_iter().map(|stored| {
            let content = stored.content.as_deref();
            RecipientDetails {
                key: stored.key,
                recipient: content.and_then(|content| recipient::decode(content).ok()),
            }
        });
        Self {
            id: record.event.id,
            tenant: record.event.tenant,
            topic: record.event.topic,
            class: record.event.class,
            accepted_at: record.event.accepted_at,
            data,
            locale,
            recipients: recipients.collect(),
            deliveries: record.deliveries,
        }
    }
}

impl fmt::Debug for EventDetails {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventDetails")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("topic", &self.topic)
            .field("recipients", &self.recipients)
            .field("deliveries", &self.deliveries)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RecipientDetails {
    /// Shows neither name nor address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecipientDetails")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
