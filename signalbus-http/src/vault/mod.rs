//! What tenants keep with us and nobody reads back: accounts at providers, sealed.

mod accounts;
mod guard;
mod public;
mod rotate;
mod seal;

pub use accounts::{AccountError, OpenedAccount, TenantAccounts};
pub use guard::{AddressGuard, GuardError, Lookup, SystemLookup};
pub use public::is_public;
pub use rotate::Rotation;
pub use seal::{MasterKey, MasterKeyError, OpenError, Vault, place_of};
