//! What every store has to do, through a pooler that gives each transaction another session.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

mod support;

use signalbus_postgres::PostgresStore;
use signalbus_testkit::store_suite::LANES;

signalbus_testkit::store_suite! {
    durable: true,
    shared: true,
    shapes: true,
    open: async |clock, place| {
        let url = signalbus_servers::url(signalbus_servers::PGBOUNCER_URL).expect("PgBouncer");
        let builder = PostgresStore::from_url(&url).expect("its URL").pgbouncer(true);
        let builder = builder.schema(place.keep(support::schema)).lanes(LANES);
        let builder = builder.deadline(std::time::Duration::from_secs(30));
        builder.clock(clock).open().await.expect("a store")
    },
}
