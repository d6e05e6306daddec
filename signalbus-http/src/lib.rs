#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod api;
mod network;
mod receipts;
pub mod serve;
pub mod vault;

pub use api::{Api, Engine};
pub use receipts::{
    Endpoint, InboundHandler, KeyError, ReceiptIntake, ReceiptKey, RepairError, Scope, Taken,
};
pub use serve::{ServeOptions, serve};
