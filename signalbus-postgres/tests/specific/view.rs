//! The view for people with `psql`: it says of a delivery what the library says of it.

use signalbus::{event::Class, store::Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    server,
    support::{event, ids, schema_of, store, tenant},
};

/// Every state as it is stored; the first four are kinds of waiting.
const STORED: [i16; 13] = [0, 1, 3, 4, 2, 5, 10, 11, 12, 13, 20, 21, 22];

#[tokio::test]
async fn the_view_has_the_words_of_the_library() {
    let (store, ids) = (store().await, ids());
    let event = event(&ids, "acme", Class::Standard);
    let id = event.deliveries[0].id;
    store.accept(vec![event], Vec::new()).await.unwrap();
    let schema = schema_of(&store);
    let mut owner = PgConnection::connect(&server::url()).await.unwrap();
    for stored in STORED {
        let set = format!(
            "UPDATE \"{schema}\".delivery SET state = {stored},
                 ended_at = CASE WHEN {stored} >= 10 THEN accepted_at END,
                 reason = CASE WHEN {stored} >= 10 THEN 'sent' END"
        );
        sqlx::raw_sql(AssertSqlSafe(set))
            .execute(&mut owner)
            .await
            .unwrap();
        let look = format!(
            "SELECT state, tenant, topic, channel, accepted_at IS NOT NULL, due IS NOT NULL, ended_at IS NOT NULL
             FROM \"{schema}\".deliveries WHERE id = $1"
        );
        let seen: (String, String, String, String, bool, bool, bool) =
            sqlx::query_as(AssertSqlSafe(look))
                .bind(id.as_uuid())
                .fetch_one(&mut owner)
                .await
                .unwrap();
        let record = store.delivery(&tenant("acme"), id).await.unwrap().unwrap();
        let state = record.state;
        assert_eq!(seen.0, state.as_str(), "stored as {stored}");
        let names = (&*seen.1, &*seen.2, &*seen.3);
        assert_eq!(names, ("acme", "test.happened", "email"));
        let waits = [0, 1, 3, 4].contains(&stored);
        assert_eq!((seen.4, seen.5, seen.6), (true, waits, stored >= 10));
    }
}
