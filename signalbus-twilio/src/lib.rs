#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod budget;
mod codes;
mod config;
mod correlation;
mod keywords;
mod lookup;
mod pool;
mod provider;
mod receipts;
mod request;
mod response;
mod signature;

pub use auth::Auth;
pub use codes::{Class, Code};
pub use config::{TwilioConfig, TwilioError};
pub use keywords::Keywords;
pub use lookup::{Sought, TwilioFound};
pub use pool::{Pool, Pools, Sender, SenderError};
pub use provider::Twilio;
pub use receipts::{ReceiptsConfig, TwilioReceipts};
pub use signature::{AuthTokens, verify_form, verify_raw};
