//! What every directory has to do, for the one in memory.

use signalbus_core::directory::MemoryDirectory;

signalbus_testkit::directory_suite! {
    shared: true,
    open: async |clock, place| place.keep(|| MemoryDirectory::with_clock(clock)),
}
