//! Guides, checked with the rest of the documentation.

#[doc = include_str!("adapters.md")]
pub mod adapters {}

#[doc = include_str!("guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("provider.md")]
pub mod provider {}

#[doc = include_str!("store.md")]
pub mod store {}

#[doc = include_str!("templates.md")]
pub mod templates {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[cfg(feature = "sqlite")]
#[doc = include_str!("transaction.md")]
pub mod transaction {}

#[doc = include_str!("waiting.md")]
pub mod waiting {}
