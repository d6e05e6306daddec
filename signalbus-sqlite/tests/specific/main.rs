//! What the common suite cannot know of: one file, one process, a host beside the store.

mod cancellation;
mod fairness;
mod host;
mod ownership;
mod support;
