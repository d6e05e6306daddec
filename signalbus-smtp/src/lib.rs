#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod config;
mod disposition;
mod header;
mod message;
mod mime;
mod provider;
mod response;
mod task;
mod write;

pub use config::{FolderConfig, FolderError};
pub use message::{MessageError, to_eml};
pub use provider::MailFolder;
