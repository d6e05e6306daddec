//! The store, compared with the model of a store.

mod support;

signalbus_testkit::store_model! {
    open: async |clock, place| {
        let builder = support::builder(&place.keep(support::schema));
        builder.clock(clock).open().await.expect("a store")
    },
}
