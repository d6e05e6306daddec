//! What the common suite cannot know of: one file, one process, a host beside the store.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and measures real time"
)]

mod cancellation;
mod damage;
mod fairness;
#[cfg(target_os = "linux")]
mod full_disk;
mod host;
#[cfg(unix)]
mod misplaced;
mod newer;
mod ownership;
mod purges;
mod support;
mod waits;
