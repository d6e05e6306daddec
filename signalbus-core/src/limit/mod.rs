//! Limits on how often something may be done, shared by those who do it: in one process, or in many
//! that ask the same server.
//!
//! A [`Limiter`] answers with *slots*: times from which something may be done. Whoever asks is not
//! turned away and has not to come again; they wait for their slot, or say how long they would.

mod ask;
mod error;
mod key;
mod memory;
mod rule;
mod slots;

pub use ask::{Ask, check_asks};
pub use error::{LimitError, LimitErrorKind};
pub use key::LimitKey;
pub use memory::MemoryLimiter;
pub use rule::Limit;
pub use slots::{Level, Slots};

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

/// Hands out slots under limits.
///
/// All that ask for the same [`LimitKey`] share its limit. They should name the same [`Limit`]: each
/// ask is answered by the one it names.
///
/// For implementers: an answer is worked out by [`Level::take`] or by the same rule, on one clock
/// for all that share the limiter, and what is granted is kept before it is answered. What is
/// forgotten, by a crash say, allows at most one burst more for each key. The suite of
/// `signalbus-testkit` has the rest.
#[async_trait]
pub trait Limiter: Debug + Send + Sync + 'static {
    /// Takes slots, and answers in the order of the asks.
    ///
    /// A granted slot is taken for good: who does not use it has given it up. A lost answer
    /// gives up what it held, so a repeat never leads to more than the limit. Cancel safe in the same
    /// way.
    ///
    /// # Errors
    /// [`LimitErrorKind::Invalid`] when a key is asked for twice in one call.
    /// [`LimitErrorKind::Unavailable`] when it cannot be known what is left: do not go on without a
    /// limit, but hold your own share of it.
    async fn take(&self, asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError>;
}

#[async_trait]
impl<L: Limiter + ?Sized> Limiter for Arc<L> {
    async fn take(&self, asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
        (**self).take(asks).await
    }
}

/// Never called: proves that the trait can be used as `dyn`.
fn _object_safe(_: &dyn Limiter) {}

#[cfg(test)]
mod tests;
