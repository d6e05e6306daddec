#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod folder;
mod mail;
mod task;

#[cfg(feature = "smtp")]
mod account;
#[cfg(feature = "smtp")]
mod answers;
#[cfg(feature = "smtp")]
mod auth;
#[cfg(feature = "smtp")]
mod bounce;
#[cfg(feature = "smtp")]
mod client;
#[cfg(feature = "smtp")]
mod config;
#[cfg(feature = "smtp")]
mod dkim;
#[cfg(feature = "smtp")]
mod doctor;
#[cfg(feature = "__fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "smtp")]
pub mod guide;
#[cfg(feature = "smtp")]
mod pool;
#[cfg(feature = "smtp")]
mod provider;
#[cfg(feature = "smtp")]
mod response;
#[cfg(feature = "smtp")]
mod tls;
#[cfg(feature = "smtp")]
mod url;

#[cfg(feature = "smtp")]
pub use answers::{AnswerListener, MailAnswers};
#[cfg(feature = "smtp")]
pub use auth::{Auth, Token, TokenError, TokenSource};
#[cfg(feature = "smtp")]
pub use bounce::{
    About, BounceError, BounceKey, BounceReader, BounceReport, ReturnPath, ReturnPathError,
};
#[cfg(feature = "smtp")]
pub use config::{ConfigError, Deadlines, PoolLimits, Security, SmtpConfig};
#[cfg(feature = "smtp")]
pub use dkim::{DkimError, DkimKey, DkimKeys};
#[cfg(feature = "smtp")]
pub use doctor::{Finding, Level, Report, ResolveError, Resolver, Sender, Topic, doctor};
pub use folder::{FolderConfig, FolderError, MailFolder};
pub use mail::{MessageError, to_eml};
#[cfg(feature = "smtp")]
pub use provider::SmtpProvider;
#[cfg(feature = "smtp")]
pub use tls::{TlsError, TlsOptions};
