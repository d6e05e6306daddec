//! What every store has to do, for this one.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

mod support;

signalbus_testkit::store_suite! {
    durable: true,
    shared: true,
    shapes: true,
    open: async |clock, place| {
        let builder = support::builder(&place.keep(support::schema));
        builder.clock(clock).open().await.expect("a store")
    },
}
