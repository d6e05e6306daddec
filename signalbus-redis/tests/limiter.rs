//! What every limiter has to do, for this one.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

use signalbus_redis::{RedisConfig, RedisLimiter};

signalbus_testkit::limiter_suite! {
    open: async || {
        let url = signalbus_servers::url(signalbus_servers::REDIS_URL).expect("a server");
        RedisLimiter::open(RedisConfig::from_url(&url).expect("a URL"))
    },
}
