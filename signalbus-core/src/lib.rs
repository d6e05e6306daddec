#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod bus;
pub mod channel;
pub mod clock;
pub mod directory;
pub mod entropy;
pub mod event;
pub mod id;
pub mod limit;
#[doc(hidden)]
pub mod mutant;
pub mod name;
pub mod provider;
pub mod publish;
pub mod store;
pub mod text;
pub mod trace;
mod wake;

#[doc(inline)]
pub use async_trait::async_trait;
#[doc(inline)]
pub use bus::Bus;
#[doc(inline)]
pub use channel::Channel;
#[doc(inline)]
pub use clock::{Clock, SystemClock, Timestamp};
#[doc(inline)]
pub use directory::Directory;
#[doc(inline)]
pub use entropy::Entropy;
#[doc(inline)]
pub use event::{Attachment, Class, Event, Idempotency, Notification, Order, Recipient};
#[doc(inline)]
pub use id::{DeliveryId, EventId, WorkerId};
#[doc(inline)]
pub use limit::Limiter;
#[doc(inline)]
pub use name::{ChannelName, ProviderName, TenantId, Topic};
#[doc(inline)]
pub use provider::Provider;
#[doc(inline)]
pub use publish::{
    Answer, InvalidEvent, Prepare, Prepared, PublishError, Published, RouteAnswer, Verdict,
};
#[doc(inline)]
pub use store::{MemoryStore, Store};
#[doc(inline)]
pub use trace::TraceContext;
pub use wake::Wake;
