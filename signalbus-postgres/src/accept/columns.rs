//! The parameters of the statement that stores events: column by column, in the order in which it numbers them.

use std::borrow::Cow;

use signalbus_core::store::{Entry, NewDelivery, NewEvent, StoreError};
use sqlx::{Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use crate::{
    codec::{class_code, end_code, lane_column, micros, order_code},
    error, history,
    text::{clean, clean_or_none},
};

type Text<'a> = Option<Cow<'a, str>>;

fn plain(text: &str) -> Text<'_> {
    Some(Cow::Borrowed(text))
}

/// One parameter.
#[derive(Debug)]
pub(crate) enum Column<'a> {
    Moment(Option<i64>),
    Uuids(Vec<Option<Uuid>>),
    Texts(Vec<Text<'a>>),
    SmallInts(Vec<Option<i16>>),
    Ints(Vec<Option<i32>>),
    BigInts(Vec<Option<i64>>),
    Bytes(Vec<Option<&'a [u8]>>),
    Hashes(Vec<Option<Vec<u8>>>),
    Booleans(Vec<bool>),
}

impl<'a> Column<'a> {
    /// The next parameter of this statement.
    pub(crate) fn bind_to(
        self,
        query: Query<'a, Postgres, PgArguments>,
    ) -> Query<'a, Postgres, PgArguments> {
        match self {
            Self::Moment(moment) => query.bind(moment),
            Self::Uuids(values) => query.bind(values),
            Self::Texts(values) => query.bind(values),
            Self::SmallInts(values) => query.bind(values),
            Self::Ints(values) => query.bind(values),
            Self::BigInts(values) => query.bind(values),
            Self::Bytes(values) => query.bind(values),
            Self::Hashes(values) => query.bind(values),
            Self::Booleans(values) => query.bind(values),
        }
    }
}

/// All of them for these events; `time` is that of a test.
pub(crate) fn of<'a>(
    time: Option<i64>,
    lanes: u16,
    events: &[&'a NewEvent],
) -> Result<[Column<'a>; 41], StoreError> {
    let (e, d) = (Events::of(events)?, Deliveries::of(lanes, events)?);
    let (r, f) = (Recipients::of(events)?, Files::of(events)?);
    Ok([
        Column::Moment(time),
        Column::Uuids(e.ids),
        Column::Texts(e.tenants),
        Column::Texts(e.topics),
        Column::SmallInts(e.classes),
        Column::BigInts(e.file_bytes),
        Column::Bytes(e.contents),
        Column::Hashes(e.keys),
        Column::Bytes(e.fingerprints),
        Column::Ints(d.of),
        Column::Uuids(d.ids),
        Column::BigInts(d.recipients),
        Column::Texts(d.channels),
        Column::BigInts(d.lanes),
        Column::BigInts(d.order_keys),
        Column::SmallInts(d.order_modes),
        Column::Bytes(d.addresses),
        Column::BigInts(d.send_at),
        Column::BigInts(d.expires_at),
        Column::SmallInts(d.ended),
        Column::Texts(d.reasons),
        Column::Texts(d.bodies),
        Column::Ints(f.of),
        Column::Ints(f.places),
        Column::Texts(f.names),
        Column::Texts(f.types),
        Column::Texts(f.content_ids),
        Column::Bytes(f.contents),
        Column::Texts(d.senders),
        Column::Texts(d.categories),
        Column::Texts(d.pools),
        Column::Uuids(d.after),
        Column::SmallInts(d.unless),
        Column::Bytes(d.gather),
        Column::Booleans(d.watched),
        Column::Bytes(e.secrets),
        Column::Ints(r.of),
        Column::BigInts(r.places),
        Column::Bytes(r.keys),
        Column::Bytes(r.contents),
        Column::Uuids(e.parents),
    ])
}

/// Columns of events.
#[derive(Default)]
struct Events<'a> {
    ids: Vec<Option<Uuid>>,
    tenants: Vec<Text<'a>>,
    topics: Vec<Text<'a>>,
    classes: Vec<Option<i16>>,
    file_bytes: Vec<Option<i64>>,
    contents: Vec<Option<&'a [u8]>>,
    secrets: Vec<Option<&'a [u8]>>,
    parents: Vec<Option<Uuid>>,
    keys: Vec<Option<Vec<u8>>>,
    fingerprints: Vec<Option<&'a [u8]>>,
}

impl<'a> Events<'a> {
    fn of(events: &[&'a NewEvent]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for event in events {
            let key = event.idempotency.as_ref();
            columns.ids.push(Some(*event.id.as_uuid()));
            columns.tenants.push(plain(event.tenant.as_str()));
            columns.topics.push(plain(event.topic.as_str()));
            columns.classes.push(Some(small(class_code(event.class))?));
            columns
                .file_bytes
                .push(Some(i64::try_from(event.file_bytes()).unwrap_or(i64::MAX)));
            columns.secrets.push(event.secret.as_deref());
            columns
                .parents
                .push(event.parent.map(|parent| *parent.as_uuid()));
            columns.contents.push(Some(&event.content));
            columns.keys.push(key.map(|key| key.hashed().to_vec()));
            columns
                .fingerprints
                .push(key.map(|key| key.fingerprint.0.as_slice()));
        }
        Ok(columns)
    }
}

/// Columns of deliveries; `of` is the number of the event, from one.
#[derive(Default)]
struct Deliveries<'a> {
    of: Vec<Option<i32>>,
    ids: Vec<Option<Uuid>>,
    recipients: Vec<Option<i64>>,
    channels: Vec<Text<'a>>,
    lanes: Vec<Option<i64>>,
    order_keys: Vec<Option<i64>>,
    order_modes: Vec<Option<i16>>,
    addresses: Vec<Option<&'a [u8]>>,
    send_at: Vec<Option<i64>>,
    expires_at: Vec<Option<i64>>,
    ended: Vec<Option<i16>>,
    reasons: Vec<Text<'a>>,
    bodies: Vec<Text<'a>>,
    senders: Vec<Text<'a>>,
    categories: Vec<Text<'a>>,
    pools: Vec<Text<'a>>,
    after: Vec<Option<Uuid>>,
    unless: Vec<Option<i16>>,
    gather: Vec<Option<&'a [u8]>>,
    watched: Vec<bool>,
}

impl<'a> Deliveries<'a> {
    fn of(lanes: u16, events: &[&'a NewEvent]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (of, event) in (1..).zip(events) {
            for delivery in &event.deliveries {
                columns.push((of, event), lanes, delivery)?;
            }
        }
        Ok(columns)
    }

    fn push(
        &mut self,
        (of, event): (i32, &NewEvent),
        lanes: u16,
        delivery: &'a NewDelivery,
    ) -> Result<(), StoreError> {
        self.of.push(Some(of));
        self.ids.push(Some(*delivery.id.as_uuid()));
        self.recipients.push(Some(i64::from(delivery.recipient)));
        let channel = delivery.channel.as_ref();
        self.channels
            .push(channel.and_then(|channel| plain(channel.as_str())));
        let lane = delivery
            .recipient_key
            .lane(delivery.channel.as_ref(), lanes);
        self.lanes.push(Some(lane_column(lane)));
        self.order_keys.push(Some(delivery.order_key.cast_signed()));
        self.order_modes
            .push(Some(small(order_code(delivery.order))?));
        self.addresses
            .push(delivery.address.as_ref().map(|hash| hash.0.as_slice()));
        self.send_at.push(delivery.due(event).map(micros));
        self.expires_at.push(delivery.expires_at.map(micros));
        let ended = delivery.ended.as_ref();
        self.ended
            .push(ended.map(|(end, _)| small(end_code(*end))).transpose()?);
        self.reasons
            .push(clean_or_none(ended.map(|(_, reason)| reason.as_str())));
        self.senders.push(clean_or_none(delivery.sender.as_deref()));
        self.categories
            .push(clean_or_none(delivery.category.as_deref()));
        self.pools.push(plain(
            delivery.pool.as_ref().map_or("", |pool| pool.as_str()),
        ));
        let after = delivery.after;
        self.after.push(after.map(|after| *after.sibling.as_uuid()));
        self.unless.push(after.map(|after| i16::from(after.unless)));
        self.gather
            .push(delivery.gather.as_ref().map(|key| key.0.as_slice()));
        self.watched.push(delivery.watched);
        let entry = ended.map(|(state, reason)| Entry::Ended {
            state: *state,
            reason: reason.clone(),
            detail: delivery.detail.clone(),
        });
        let body = entry.as_ref().map(history::body).transpose()?;
        self.bodies.push(body.map(Cow::Owned));
        Ok(())
    }
}

/// Columns of recipients.
#[derive(Default)]
struct Recipients<'a> {
    of: Vec<Option<i32>>,
    places: Vec<Option<i64>>,
    keys: Vec<Option<&'a [u8]>>,
    contents: Vec<Option<&'a [u8]>>,
}

impl<'a> Recipients<'a> {
    fn of(events: &[&'a NewEvent]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (of, event) in (1..).zip(events) {
            for (place, recipient) in event.recipients.iter().enumerate() {
                columns.of.push(Some(of));
                columns.places.push(Some(i64::from(count(place)?)));
                columns.keys.push(Some(&recipient.key.0));
                columns.contents.push(Some(&recipient.content));
            }
        }
        Ok(columns)
    }
}

/// Columns of files.
#[derive(Default)]
struct Files<'a> {
    of: Vec<Option<i32>>,
    places: Vec<Option<i32>>,
    names: Vec<Text<'a>>,
    types: Vec<Text<'a>>,
    content_ids: Vec<Text<'a>>,
    contents: Vec<Option<&'a [u8]>>,
}

impl<'a> Files<'a> {
    fn of(events: &[&'a NewEvent]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (of, event) in (1..).zip(events) {
            for (place, file) in event.attachments.iter().enumerate() {
                columns.of.push(Some(of));
                columns.places.push(Some(count(place)?));
                columns.names.push(Some(clean(&file.file_name)));
                columns.types.push(Some(clean(&file.content_type)));
                columns
                    .content_ids
                    .push(clean_or_none(file.content_id.as_deref()));
                columns.contents.push(Some(&file.content));
            }
        }
        Ok(columns)
    }
}

fn small(code: i64) -> Result<i16, StoreError> {
    i16::try_from(code).map_err(|_| error::invalid("a code is out of its range"))
}

fn count(length: usize) -> Result<i32, StoreError> {
    i32::try_from(length).map_err(|_| error::invalid("the batch is too large"))
}
