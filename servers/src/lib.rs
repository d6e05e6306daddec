//! Private servers for tests: started from the binaries that are installed, each in a folder of
//! its own and on a port of its own, and stopped by process id when dropped.
//!
//! Tests do not start the servers they share: they read their addresses from the environment,
//! where `cargo xtask test` and this package's program put them.
//!
//! ```console
//! $ cargo run -p signalbus-servers -- cargo test -p signalbus-postgres
//! $ cargo run -p signalbus-servers -- --kafka cargo test -p signalbus-kafka
//! ```
//!
//! | variable | server |
//! | --- | --- |
//! | `SIGNALBUS_TEST_POSTGRES_URL` | Postgres, reached directly |
//! | `SIGNALBUS_TEST_PGBOUNCER_URL` | the same through PgBouncer in transaction mode |
//! | `SIGNALBUS_TEST_REDIS_URL` | Redis |
//! | `SIGNALBUS_TEST_KAFKA` | a Kafka broker, as `host:port`, or several with commas between |
//!
//! `SIGNALBUS_TEST_REDIS_SERVER` names a program that is started in place of `redis-server`,
//! `SIGNALBUS_TEST_POSTGRES_BIN` a folder with the `initdb` and `postgres` of another version.

mod kafka;
mod pgbouncer;
mod port;
mod postgres;
mod process;
mod redis;
mod service;

pub use kafka::Kafka;
pub use pgbouncer::PgBouncer;
pub use postgres::{Durability, Postgres, Stop};
pub use process::is_root;
pub use redis::{Redis, RedisCluster};
pub use service::Service;

/// The variable with the URL of a Postgres server.
pub const POSTGRES_URL: &str = "SIGNALBUS_TEST_POSTGRES_URL";

/// The variable with the URL of the same server through PgBouncer.
pub const PGBOUNCER_URL: &str = "SIGNALBUS_TEST_PGBOUNCER_URL";

/// The variable with the addresses of a Kafka broker, `host:port` with commas between.
pub const KAFKA: &str = "SIGNALBUS_TEST_KAFKA";

/// The variable with the URL of a Redis server.
pub const REDIS_URL: &str = "SIGNALBUS_TEST_REDIS_URL";

/// The variable with a folder whose `initdb` and `postgres` are started in place of those that are installed.
pub const POSTGRES_BIN: &str = "SIGNALBUS_TEST_POSTGRES_BIN";

/// The variable with the path of a program that is started in place of `redis-server`, such as Valkey's.
pub const REDIS_SERVER: &str = "SIGNALBUS_TEST_REDIS_SERVER";

/// The address of a shared server, from the environment.
///
/// # Errors
/// When the variable is not set; the message says what to do.
pub fn url(variable: &str) -> Result<String, String> {
    std::env::var(variable).map_err(|_| {
        format!(
            "this test needs a server: run `cargo xtask test`, or `cargo run -p signalbus-servers \
             -- --kafka cargo test -p <crate>`, or set {variable}"
        )
    })
}
