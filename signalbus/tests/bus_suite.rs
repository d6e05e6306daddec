//! The bus in memory does what every bus has to do.

signalbus_testkit::bus_suite! {
    open: async |_topics| signalbus::bus::MemoryBus::new(),
}
