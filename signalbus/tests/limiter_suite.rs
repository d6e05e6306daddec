//! The limiter in memory does what every limiter has to do, and so does one that may be away.

mod memory {
    use signalbus::limit::MemoryLimiter;

    signalbus_testkit::limiter_suite! {
        open: async || MemoryLimiter::new(),
    }
}

mod local_share {
    use signalbus::limit::{LocalShare, MemoryLimiter};

    signalbus_testkit::limiter_suite! {
        open: async || LocalShare::new(MemoryLimiter::new(), 4),
    }
}
