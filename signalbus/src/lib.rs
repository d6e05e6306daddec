#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bell;
mod builder;
pub mod bus;
mod chain;
pub mod channel;
pub mod clock;
mod engine;
pub mod entropy;
pub mod event;
mod explain;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod guide;
mod handle;
pub mod id;
#[doc(hidden)]
pub mod mutant;
pub mod name;
mod plan;
mod policy;
pub mod provider;
mod publish;
pub mod store;
mod task;
pub mod template;
mod text;
pub mod trace;
mod wake;

pub use builder::{BuildError, Builder};
pub use bus::Bus;
pub use channel::Channel;
pub use clock::{Clock, SystemClock, Timestamp};
pub use engine::{
    BreakerSettings, ChannelSetup, EngineOptions, Guarantee, Preview, RetryPolicy, metrics,
};
pub use entropy::Entropy;
pub use event::{Attachment, Class, Event, Idempotency, Notification, Order, Recipient};
pub use explain::Explanation;
pub use handle::{PreviewError, Signalbus};
pub use id::{DeliveryId, EventId, WorkerId};
pub use name::{ChannelName, ProviderName, TenantId, Topic};
pub use plan::{Plan, PlannedDelivery};
pub use policy::Policy;
pub use provider::Provider;
pub use publish::{
    Answer, InvalidEvent, Prepared, PublishError, PublishLimits, Published, RouteAnswer, Verdict,
};
pub use store::{MemoryStore, Store};
pub use template::Templates;
pub use trace::TraceContext;
pub use wake::Wake;
