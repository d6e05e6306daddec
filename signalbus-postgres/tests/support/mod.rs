//! The server that tests share, and a schema for each of them.

#![allow(dead_code, reason = "each test program uses a part of it")]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicU64, Ordering};

use signalbus_postgres::{PostgresBuilder, PostgresStore};
use signalbus_testkit::store_suite::LANES;

/// The name of a schema that nobody has.
pub(crate) fn schema() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Unique on this machine, also after process ids come round.
    let unique = folder.path().file_name().unwrap_or_default();
    let unique = unique.to_string_lossy().to_lowercase();
    let unique: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("test_{process}_{next}_{unique}")
}

/// The URL of the server.
pub(crate) fn url() -> String {
    signalbus_servers::url(signalbus_servers::POSTGRES_URL)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A store in this schema, as tests want it.
pub(crate) fn builder(schema: &str) -> PostgresBuilder {
    PostgresStore::from_url(&url())
        .expect("the URL of the server")
        .schema(schema)
        .lanes(LANES)
        .deadline(std::time::Duration::from_secs(30))
}
