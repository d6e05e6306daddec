//! What every directory has to do, for this one.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

mod support;

signalbus_testkit::directory_suite! {
    shared: true,
    open: async |clock, place| {
        let builder = support::builder(&place.keep(support::schema));
        builder.clock(clock).open().await.expect("a store")
    },
}
