#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accept;
mod batch;
mod bus;
mod busy;
mod cancel;
mod codec;
mod config;
mod connection;
mod content;
mod directory;
mod erase;
mod error;
mod fetch;
mod files;
mod filter;
mod flush;
#[cfg(feature = "__fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod lanes;
mod lock;
mod order;
mod pauses;
mod publish;
mod purge;
mod query;
mod receipts;
mod redrive;
mod rendering;
mod rewind;
mod row;
mod schema;
mod secret;
mod siblings;
mod states;
mod store;
mod stretches;
mod suppress;
mod takes;
mod task;

pub use config::{SqliteBuilder, Synchronous};
pub use schema::SchemaVersion;
/// The driver that this is built on, for transactions of yours: the same version without a line of its own.
pub use sqlx;
pub use store::SqliteStore;
