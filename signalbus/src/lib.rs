#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bell;
mod builder;
mod chain;
mod details;
mod engine;
mod explain;
mod failure;
#[cfg(feature = "__fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod guide;
mod handle;
mod health;
pub mod limit;
mod plan;
mod policy;
pub mod provider;
mod publish;
mod route;
mod task;
pub mod template;
pub mod trace;
mod visible;

#[doc(hidden)]
pub use signalbus_core::mutant;
#[doc(inline)]
pub use signalbus_core::{bus, channel, clock, directory, entropy, event, id, name, store, text};

#[cfg(feature = "http")]
#[doc(inline)]
pub use signalbus_http as http;
#[cfg(feature = "kafka")]
#[doc(inline)]
pub use signalbus_kafka as kafka;
#[cfg(feature = "mailgun")]
#[doc(inline)]
pub use signalbus_mailgun as mailgun;
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use signalbus_postgres as postgres;
#[cfg(feature = "redis")]
#[doc(inline)]
pub use signalbus_redis as redis;
#[cfg(feature = "mail-folder")]
#[doc(inline)]
pub use signalbus_smtp as smtp;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use signalbus_sqlite as sqlite;
#[cfg(feature = "twilio")]
#[doc(inline)]
pub use signalbus_twilio as twilio;

#[doc(inline)]
pub use builder::{BuildError, Builder, BusSetup, WhenGone};
#[doc(inline)]
pub use details::{EventDetails, RecipientDetails};
#[doc(inline)]
pub use engine::{EngineOptions, metrics};
#[doc(inline)]
pub use explain::Explanation;
#[doc(inline)]
pub use failure::Failure;
#[doc(inline)]
pub use handle::{PreviewError, Signalbus, Who};
pub use health::{Health, PartHealth, StoreTrouble};
#[doc(inline)]
pub use plan::{Plan, PlannedDelivery};
#[doc(inline)]
pub use policy::Policy;
#[doc(inline)]
pub use publish::PublishLimits;
#[doc(inline)]
pub use route::{BreakerSettings, ChannelSetup, Guarantee, Preview, RetryPolicy};
#[doc(inline)]
pub use signalbus_core::{
    Answer, Attachment, Bus, Channel, ChannelName, Class, Clock, DeliveryId, Entropy, Event,
    EventId, Idempotency, InvalidEvent, Limiter, MemoryStore, Notification, Order, Prepare,
    Prepared, Provider, ProviderName, PublishError, Published, Recipient, RouteAnswer, Store,
    SystemClock, TenantId, Timestamp, Topic, TraceContext, Verdict, Wake, WorkerId, async_trait,
};
#[doc(inline)]
pub use template::Templates;
