//! Filters as SQL conditions. Every value is bound.

use signalbus_core::store::{DeliveryFilter, EndState, State};
use sqlx::{QueryBuilder, Sqlite};

use crate::{
    codec::{message_hash, micros},
    states::{end_code, state},
    stretches::{deliveries_to, recipients_with},
};

/// Adds what the filter asks of `signalbus_delivery AS d` and `signalbus_event AS e`, each part
/// behind an `AND`.
pub(crate) fn push(sql: &mut QueryBuilder<Sqlite>, filter: &DeliveryFilter) {
    if let Some(tenant) = &filter.tenant {
        // The plus keeps SQLite off the index of tenants, where another leads to fewer rows.
        let few = filter.recipient.is_some() || filter.address.is_some();
        sql.push(if few {
            " AND +d.tenant = "
        } else {
            " AND d.tenant = "
        });
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
    if let Some(key) = &filter.recipient {
        // The plus keeps SQLite from making an index of all deliveries by it.
        sql.push(" AND d.position IN (WITH wanted (key) AS (SELECT ");
        sql.push_bind(key.0.to_vec());
        sql.push(concat!(
            ") SELECT o.position FROM ",
            recipients_with!("(SELECT key FROM wanted)"),
            " CROSS JOIN signalbus_event AS f ON f.event = r.event
              CROSS JOIN signalbus_delivery AS o
                ON o.position >= f.first_position AND o.position < f.first_position + f.deliveries
               AND +o.recipient = r.place)"
        ));
    }
    if let Some(address) = &filter.address {
        sql.push(" AND d.position IN (WITH wanted (address) AS (SELECT ");
        sql.push_bind(address.0.to_vec());
        sql.push(concat!(
            ") SELECT a.position FROM ",
            deliveries_to!("(SELECT address FROM wanted)"),
            ")"
        ));
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

#[cfg(test)]
mod tests {
    use signalbus_core::{
        name::{ChannelName, TenantId},
        store::{AddressHash, RecipientKey},
    };
    use sqlx::Row as _;

    use super::*;
    use crate::SqliteStore;

    /// How SQLite finds what a filter asks for, in its own words.
    async fn plan(filter: &DeliveryFilter) -> String {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("plan.db")).await;
        let mut sql = QueryBuilder::new(
            "EXPLAIN QUERY PLAN SELECT d.position
             FROM signalbus_delivery AS d JOIN signalbus_event AS e ON e.event = d.event
             WHERE d.position > 0",
        );
        push(&mut sql, filter);
        sql.push(" ORDER BY d.position LIMIT 50");
        let rows = sql.build().fetch_all(store.unwrap().pool()).await.unwrap();
        let line = |row: &sqlx::sqlite::SqliteRow| row.get::<String, _>(3);
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// A tenant may have a million deliveries, and Ada a dozen of them.
    #[tokio::test]
    async fn a_person_is_found_by_an_index_of_persons() {
        let acme = TenantId::new("acme").unwrap();
        let email = ChannelName::new("email").unwrap();
        let of_acme = DeliveryFilter::new().tenant(acme.clone());
        let by_key = of_acme.clone().recipient(RecipientKey::of(&acme, "ada"));
        let by_address = of_acme.address(AddressHash::of(&email, "ada@example.org"));
        for (filter, index) in [
            (by_key, "signalbus_recipient_key"),
            (by_address, "signalbus_delivery_address"),
        ] {
            let plan = plan(&filter).await;
            assert!(plan.contains(index), "{plan}");
            assert!(!plan.contains("signalbus_delivery_tenant"), "{plan}");
            assert!(!plan.contains("SCAN d"), "{plan}");
            assert!(!plan.contains("AUTOMATIC"), "{plan}");
        }
    }
}
