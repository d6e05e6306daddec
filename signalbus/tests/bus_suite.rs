//! The bus in memory does what every bus has to do, as either kind.

use signalbus::bus::MemoryBus;

mod positioned {
    use super::MemoryBus;

    signalbus_testkit::bus_suite! {
        kind: positioned,
        open: async |_topics| MemoryBus::new(),
    }
}

mod acknowledged {
    use super::MemoryBus;

    signalbus_testkit::bus_suite! {
        kind: acknowledged,
        open: async |_topics| MemoryBus::new().acknowledged(),
    }
}
