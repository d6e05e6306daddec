//! DKIM signatures (RFC 6376): relaxed/relaxed, with RSA and Ed25519 (RFC 8463).

mod canonical;
mod key;
mod keyring;
mod sign;

pub use key::{DkimError, DkimKey};
pub use keyring::DkimKeys;
