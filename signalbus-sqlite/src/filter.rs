//! Filters as SQL conditions. Every value is bound.

use signalbus_core::store::{DeliveryFilter, EndState, State};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    codec::{message_hash, micros},
    states::{end_code, state},
};

/// Adds what the filter asks of `signalbus_delivery AS d` and `signalbus_event AS e`, each part
/// behind an `AND`.
pub(crate) fn push(sql: &mut QueryBuilder<Sqlite>, filter: &DeliveryFilter) {
    if let Some(tenant) = &filter.tenant {
        sql.push(" AND d.tenant = ");
        sql.push_bind(tenant.as_str().to_owned());
    }
    if let Some(event) = &filter.event {
        let id = event.as_uuid().as_bytes().to_vec();
        sql.push(" AND d.position >= (SELECT first_position FROM signalbus_event WHERE id = ");
        sql.push_bind(id.clone());
        sql.push(
            ") AND d.position < (SELECT first_position + deliveries FROM signalbus_event WHERE id = ",
        );
        sql.push_bind(id);
        sql.push(")");
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
        sql.push_bind(reason.as_str().to_owned());
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
        sql.push_bind(message_hash(id));
        sql.push(" AND d.message_id = ");
        sql.push_bind(id.clone());
    }
    if let Some(from) = filter.accepted_from {
        sql.push(" AND d.accepted_at >= ");
        sql.push_bind(micros(from));
    }
    if let Some(before) = filter.accepted_before {
        sql.push(" AND d.accepted_at < ");
        sql.push_bind(micros(before));
    }
}

/// Spelled as in the conditions of the partial indexes, so that SQLite may use them.
fn push_state(sql: &mut QueryBuilder<Sqlite>, state: State) {
    match state {
        State::Waiting => {
            sql.push(concat!(
                " AND d.state IN (",
                state!(ready),
                ", ",
                state!(timed),
                ", ",
                state!(behind),
                ")"
            ));
        }
        State::Sending => {
            sql.push(concat!(" AND d.state = ", state!(sending)));
        }
        State::Held => {
            sql.push(concat!(" AND d.state = ", state!(held)));
        }
        State::Ended(end) => push_end(sql, end),
        // No number stands for it.
        State::Newer => {
            sql.push(" AND d.state NOT IN (0, 1, 2, 3, 5, 10, 11, 12, 13, 20, 21, 22)");
        }
    }
}

fn push_end(sql: &mut QueryBuilder<Sqlite>, end: EndState) {
    if end.can_be_redriven() {
        sql.push(concat!(
            " AND d.state >= ",
            state!(first_end),
            " AND d.state < ",
            state!(first_final)
        ));
    }
    sql.push(" AND d.state = ");
    sql.push(end_code(end));
}
