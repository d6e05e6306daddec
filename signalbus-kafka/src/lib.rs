#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod auth;
mod bus;
mod client;
mod commit;
mod config;
mod error;
mod lag;
mod metrics;
mod murmur2;
mod produce;
mod progress;
mod read;
mod settings;
mod subscription;
mod task;
#[cfg(feature = "tls-ring")]
mod tls;
mod topics;
mod url;
mod wire;

pub use auth::{Credentials, Sasl, TokenError, TokenSource};
pub use bus::KafkaBus;
pub use config::{Compression, ConfigError, KafkaConfig};
#[cfg(feature = "tls-ring")]
pub use tls::{TlsError, TlsOptions};
