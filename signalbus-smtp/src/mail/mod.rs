//! What a mail looks like as bytes.

mod body;
mod disposition;
#[cfg(feature = "smtp")]
mod fields;
mod header;
mod message;
mod mime;

#[cfg(feature = "smtp")]
pub(crate) use fields::{fields, find};
pub use message::{MessageError, to_eml};
