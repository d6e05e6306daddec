//! The store in memory, compared with the model of a store.

use signalbus::store::MemoryStore;
use signalbus_testkit::store_suite::LANES;

signalbus_testkit::store_model! {
    open: async |clock, place| {
        place.keep(|| MemoryStore::builder().clock(clock).lanes(LANES).build())
    },
}
