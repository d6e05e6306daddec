//! The API: publish, look, operate, and manage what a tenant has.
//!
//! [`Api`] is a router to mount in an axum application. Every request but those for health and the
//! document comes with a key, `Authorization: Bearer sbk_…`, and reads and writes what belongs to the
//! tenant of that key and nothing else.

mod build;
mod document;
mod engine;
mod fixed_key;
mod health;
mod input;
mod limits;
mod manners;
mod problem;
mod publisher;
mod routes;
mod tenancy;
mod words;

pub use crate::network::{Network, NetworkError};
pub use build::Api;
pub use document::document;
pub use engine::{Engine, PlannedEvent, PlannedRoute, RenderedMessage, Somebody, TemplateProblem};
pub use fixed_key::FixedKey;
pub use health::Readiness;
pub use input::Json;
pub use limits::{ApiLimits, Rate};
pub use manners::{ClientAddress, Proxies};
pub use problem::Problem;
pub use publisher::Publisher;
pub use tenancy::ApiState;
