#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bell;
mod bus;
mod config;
mod connection;
mod entry;
mod error;
mod group;
mod limiter;
mod reader;
mod server;
mod subscription;
mod task;
#[cfg(feature = "tls-ring")]
mod tls;
mod trim;

pub use bell::{Listening, RedisBell};
pub use bus::RedisBus;
pub use config::{ConfigError, RedisConfig};
pub use limiter::RedisLimiter;
