//! The store, compared with the model of a store.

use signalbus_sqlite::SqliteStore;
use signalbus_testkit::store_suite::LANES;

signalbus_testkit::store_model! {
    open: async |clock, place| {
        SqliteStore::builder(place.path().join("notifications.db"))
            .clock(clock)
            .lanes(LANES)
            .open()
            .await
            .expect("the place is new or was left by a store that is gone")
    },
}
