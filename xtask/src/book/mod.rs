//! The book: `docs/` by mdBook.
//!
//! Guides and the READMEs of crates stay where they are and are included, so that each text is there once. What
//! rustdoc understands and mdBook does not (links into the code, bare blocks that are Rust) is rewritten on the way,
//! by [`filter`], which mdBook calls. [`check`] needs no mdBook: it reads every page as the filter does.

mod adapters;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod filter;
mod links;
mod page;
mod rewrite;
mod summary;
