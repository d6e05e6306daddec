//! Mails as files.

mod config;
mod provider;
mod response;
mod write;

pub use config::{FolderConfig, FolderError};
pub use provider::MailFolder;
