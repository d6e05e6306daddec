//! What every acknowledged bus has to do, for the one in a table.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

mod support;

use std::time::Duration;

signalbus_testkit::bus_suite! {
    kind: acknowledged,
    open: async |_topics| {
        let builder = support::builder(&support::schema());
        let store = builder.open().await.expect("a store");
        store.bus().with_abandoned_after(Duration::from_secs(2))
    },
}
