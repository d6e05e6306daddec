//! The store in memory does what every store has to do.

use signalbus::store::MemoryStore;
use signalbus_testkit::store_suite::LANES;

signalbus_testkit::store_suite! {
    durable: false,
    shared: true,
    shapes: true,
    open: async |clock, place| {
        place.keep(|| MemoryStore::builder().clock(clock).lanes(LANES).build())
    },
}
