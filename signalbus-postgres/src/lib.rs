#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accept;
mod bus;
mod cancel;
mod codec;
mod config;
mod connection;
mod content;
mod database;
mod directory;
mod driver;
mod erase;
mod error;
mod fetch;
mod filter;
mod flush;
mod history;
mod lanes;
mod limit;
mod listen;
mod order;
mod pauses;
mod publish;
mod purge;
mod query;
mod receipts;
mod redrive;
mod rendering;
mod restored;
mod rewind;
mod row;
mod schema;
mod secret;
mod siblings;
mod store;
mod suppress;
mod takes;
mod task;
mod text;

pub use bus::PostgresBus;
pub use config::PostgresBuilder;
pub use driver::{Parameter, Publishing, Statement};
pub use limit::PostgresLimiter;
pub use listen::Listening;
pub use restored::Restored;
pub use schema::{MIGRATIONS, Migration, SchemaVersion};
/// The driver that this is built on, for transactions of yours: the same version without a line of its own.
pub use sqlx;
pub use store::PostgresStore;
