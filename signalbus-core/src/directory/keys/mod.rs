//! Keys of the API.

mod issue;
mod pepper;
mod record;
mod scope;
mod token;

pub use issue::{KeyError, Keys, NewKey};
pub use pepper::Pepper;
pub use record::KeyRecord;
pub use scope::Scope;
pub use token::{Token, TokenError};
