//! What every directory has to do, for this one.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

use signalbus_sqlite::SqliteStore;

signalbus_testkit::directory_suite! {
    shared: false,
    open: async |clock, place| {
        SqliteStore::builder(place.path().join("notifications.db"))
            .clock(clock)
            .open()
            .await
            .expect("the place is new")
    },
}
