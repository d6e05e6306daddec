#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bus;
mod config;
mod connection;
mod entry;
mod error;
mod group;
mod reader;
mod subscription;
mod task;
mod trim;

pub use bus::RedisBus;
pub use config::{ConfigError, RedisConfig};
