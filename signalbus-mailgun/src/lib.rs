#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod account;
mod config;
mod correlation;
mod event;
mod events;
mod lookup;
mod provider;
mod receipts;
mod request;
mod response;
mod signature;
mod tokens;

pub use account::{Account, Region};
pub use config::{MailgunConfig, MailgunError, SendForm};
pub use event::MailgunEvent;
pub use events::{EventPage, EventQuery, EventSource, LegacyEvents, Logs};
pub use lookup::{MailgunFound, Sought};
pub use provider::Mailgun;
pub use receipts::{MailgunReceipts, ReceiptsConfig};
pub use signature::{Signature, SigningKey};
pub use tokens::{MemoryTokens, TokenState, UsedTokens};
