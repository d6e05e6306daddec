//! What to know beside the types.

#[doc = include_str!("deliverability.md")]
pub mod deliverability {}

#[doc = include_str!("bounces.md")]
pub mod bounces {}
