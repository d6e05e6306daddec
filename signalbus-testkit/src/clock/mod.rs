//! Clocks that move when the test says so.

mod manual;
mod paused;

pub use manual::ManualClock;
pub use paused::PausedClock;
