#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accept;
mod batch;
mod bus;
mod cancel;
mod codec;
mod config;
mod connection;
mod content;
mod directory;
mod erase;
mod error;
mod fetch;
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
mod suppress;
mod takes;
mod task;

pub use config::{SqliteBuilder, Synchronous};
pub use schema::SchemaVersion;
pub use store::SqliteStore;
