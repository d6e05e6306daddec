//! Between an application, an engine that plans, and a store that takes what it planned.

mod answer;
mod error;
mod prepare;

pub use answer::{Answer, Published, RouteAnswer, Verdict};
pub use error::{InvalidEvent, PublishError};
pub use prepare::{Prepare, Prepared};
