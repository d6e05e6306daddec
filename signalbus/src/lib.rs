#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod bus;
pub mod channel;
pub mod clock;
pub mod entropy;
pub mod event;
pub mod id;
pub mod name;
pub mod provider;
pub mod store;
pub mod template;
pub mod trace;

mod task;

pub use bus::Bus;
pub use channel::Channel;
pub use clock::{Clock, SystemClock, Timestamp};
pub use event::{Attachment, Class, Event, Idempotency, Notification, Order, Recipient};
pub use id::{DeliveryId, EventId};
pub use name::{ChannelName, TenantId, Topic};
pub use provider::Provider;
pub use store::Store;

/// Placeholder for the handle.
#[derive(Debug)]
pub struct Signalbus;
