//! Filters as SQL conditions. Every value is bound.

use signalbus_core::store::{DeliveryFilter, EndState, State};
use sqlx::{Postgres, QueryBuilder};

use crate::{
    codec::{end_code, message_hash, micros},
    database::Dialect,
    text::clean,
};

/// Positions rise with time, but for what is published at once and what a clock does that is set back: by less than
/// this, in microseconds.
const ABOUT: i64 = 3_600_000_000;

/// Adds what the filter asks of `delivery AS d` and `event AS e`, each part behind an `AND`.
pub(crate) fn push(sql: &mut QueryBuilder<Postgres>, filter: &DeliveryFilter, dialect: &Dialect) {
    if let Some(tenant) = &filter.tenant {
        sql.push(" AND d.tenant = ");
        sql.push_bind(tenant.as_str().to_owned());
    }
    if let Some(event) = &filter.event {
        sql.push(" AND e.id = ");
        sql.push_bind(*event.as_uuid());
        sql.push(" AND d.position BETWEEN e.first_position AND e.last_position");
    }
    if let Some(topic) = &filter.topic {
        sql.push(" AND e.topic = ");
        sql.push_bind(topic.as_str().to_owned());
    }
    if let Some(channel) = &filter.channel {
        sql.push(" AND d.channel = ");
        sql.push_bind(channel.as_str().to_owned());
    }
    if let Some(state) = filter.state {
        push_state(sql, state);
    }
    if let Some(reason) = &filter.reason {
        sql.push(" AND d.reason = ");
        sql.push_bind(clean(reason.as_str()).into_owned());
    }
    if let Some(key) = &filter.recipient {
        sql.push(dialect.text(
            " AND d.position IN (
                 SELECT o.position FROM signalbus.recipient AS r
                 JOIN signalbus.event AS f ON f.id = r.event
                 JOIN signalbus.delivery AS o
                   ON o.position BETWEEN f.first_position AND f.last_position
                  AND o.event = f.id AND o.recipient = r.place
                 WHERE r.key = ",
        ));
        sql.push_bind(key.0.to_vec());
        sql.push(")");
    }
    if let Some(address) = &filter.address {
        sql.push(" AND d.address = ");
        sql.push_bind(address.0.to_vec());
    }
    if let Some(provider) = &filter.provider {
        sql.push(" AND d.provider = ");
        sql.push_bind(provider.as_str().to_owned());
    }
    if let Some(id) = &filter.message_id {
        sql.push(" AND d.message_hash = ");
        sql.push_bind(message_hash(&clean(id)));
        sql.push(" AND d.message_id = ");
        sql.push_bind(clean(id).into_owned());
    }
    if let Some(from) = filter.accepted_from {
        // So that reading begins about there, and not with the oldest.
        sql.push(dialect.text(
            " AND d.position >= coalesce((
                 SELECT f.first_position FROM signalbus.event AS f
                 WHERE f.first_position IS NOT NULL AND f.accepted_at < ",
        ));
        sql.push_bind(micros(from).saturating_sub(ABOUT));
        sql.push(" ORDER BY f.accepted_at DESC LIMIT 1), 0)");
        sql.push(" AND d.accepted_at >= ");
        sql.push_bind(micros(from));
    }
    if let Some(before) = filter.accepted_before {
        sql.push(dialect.text(
            " AND d.position <= coalesce((
                 SELECT f.last_position FROM signalbus.event AS f
                 WHERE f.first_position IS NOT NULL AND f.accepted_at >= ",
        ));
        sql.push_bind(micros(before).saturating_add(ABOUT));
        sql.push(" ORDER BY f.accepted_at LIMIT 1), 9223372036854775807)");
        sql.push(" AND d.accepted_at < ");
        sql.push_bind(micros(before));
    }
}

/// Spelled as in the conditions of the partial indexes, so that Postgres may use them.
fn push_state(sql: &mut QueryBuilder<Postgres>, state: State) {
    match state {
        State::Waiting => {
            sql.push(" AND (d.state = 0 OR d.state = 1 OR d.state = 3 OR d.state = 4)");
        }
        State::Sending => {
            sql.push(" AND d.state = 2");
        }
        State::Held => {
            sql.push(" AND d.state = 5");
        }
        State::Ended(end) => push_end(sql, end),
        // No number stands for it.
        State::Newer => {
            sql.push(" AND d.state NOT IN (0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 20, 21, 22)");
        }
    }
}

fn push_end(sql: &mut QueryBuilder<Postgres>, end: EndState) {
    if end.can_be_redriven() {
        sql.push(" AND d.state >= 10 AND d.state < 20");
    }
    sql.push(" AND d.state = ");
    sql.push(end_code(end));
}
