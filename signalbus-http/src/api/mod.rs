//! The API: publish, look, operate, and manage what a tenant has.
//!
//! [`Api`] is a router to mount in an axum application. Every request but those for health and the
//! document comes with a key, `Authorization: Bearer sbk_…`, and reads and writes what belongs to the
//! tenant of that key and nothing else.

mod build;
mod document;
mod engine;
mod health;
mod input;
mod limits;
mod manners;
mod problem;
mod routes;
mod tenancy;
mod words;

pub use build::Api;
pub use document::document;
pub use engine::{Engine, PlannedEvent, PlannedRoute, RenderedMessage, TemplateProblem};
pub use health::Readiness;
pub use limits::{ApiLimits, Rate};
