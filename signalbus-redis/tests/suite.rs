//! What every acknowledged bus has to do, for this one.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

use std::time::Duration;

use signalbus_redis::{RedisBus, RedisConfig};

signalbus_testkit::bus_suite! {
    kind: acknowledged,
    open: async |_topics| {
        let url = signalbus_servers::url(signalbus_servers::REDIS_URL).expect("a server");
        let config = RedisConfig::from_url(&url).expect("a URL");
        RedisBus::open(config.with_abandoned_after(Duration::from_secs(2))).expect("a bus")
    },
}
