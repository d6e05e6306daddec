//! What every request is treated to: an id, a place in the queue, a deadline, a line in the metrics.

mod attend;
mod clients;
mod metrics;
mod notes;
mod rates;
mod request_id;

pub(crate) use attend::{Attendant, attend};
pub use clients::{ClientAddress, Proxies};
pub(crate) use metrics::{describe, rejected};
pub(crate) use notes::Notes;
pub(crate) use rates::{Drawn, Rates};
