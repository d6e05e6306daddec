//! What comes back: delivery status notifications (RFC 3464) and complaints (RFC 5965).

mod base32;
mod error;
mod feedback;
mod parts;
mod reader;
mod return_path;
mod status;
mod token;

pub use error::BounceError;
pub use reader::{About, BounceReader, BounceReport};
pub(crate) use return_path::HEADER as TOKEN_HEADER;
pub use return_path::{BounceKey, ReturnPath, ReturnPathError};
pub(crate) use token::Token;
