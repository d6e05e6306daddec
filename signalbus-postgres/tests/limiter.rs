//! What every limiter has to do, for this one.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

mod support;

signalbus_testkit::limiter_suite! {
    open: async || {
        let store = support::builder(&support::schema()).open().await.expect("a store");
        store.limiter()
    },
}
