//! What a mail looks like as bytes.

mod body;
mod disposition;
mod header;
mod message;
mod mime;

pub use message::{MessageError, to_eml};
