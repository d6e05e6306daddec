//! What every store has to do, for this one.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

use signalbus_sqlite::SqliteStore;
use signalbus_testkit::store_suite::LANES;

signalbus_testkit::store_suite! {
    durable: true,
    shared: false,
    shapes: true,
    open: async |clock, place| {
        SqliteStore::builder(place.path().join("notifications.db"))
            .clock(clock)
            .lanes(LANES)
            .open()
            .await
            .expect("the place is new or was left by a store that is gone")
    },
}
