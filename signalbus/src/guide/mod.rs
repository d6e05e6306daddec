//! Guides, checked with the rest of the documentation.

#[doc = include_str!("adapters.md")]
pub mod adapters {}

#[doc = include_str!("guarantees.md")]
pub mod guarantees {}

#[doc = include_str!("provider.md")]
pub mod provider {}

#[doc = include_str!("store.md")]
pub mod store {}

#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("waiting.md")]
pub mod waiting {}
