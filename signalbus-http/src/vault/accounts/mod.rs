//! Sending through the accounts that tenants keep with us.

mod known;
mod opened;
mod provider;

pub use opened::{AccountError, OpenedAccount};
pub use provider::TenantAccounts;
