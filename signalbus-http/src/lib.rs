#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod inbound;
mod intake;
mod key;
mod record;
mod router;
mod source;

pub use inbound::InboundHandler;
pub use intake::{ReceiptIntake, Taken};
pub use key::{KeyError, ReceiptKey};
pub use source::{Endpoint, Scope};
