use std::{fmt, time::Duration};

use async_trait::async_trait;

use super::{SendError, Sent, reference};
use crate::{channel::Channel, clock::Timestamp, id::DeliveryId, name::TenantId};

/// Asks a provider what became of a try whose answer was lost.
///
/// For the implementer: the process that made the try may have died, so that nothing is known but what the
/// question says. It must never answer [`Found::Sent`] with a message of another delivery, nor
/// [`Found::NotSent`] while the message may still turn up: that answer is believed, and the message sent
/// again.
#[async_trait]
pub trait Lookup<C: Channel>: Send + Sync {
    /// Finds a message. Cancel safe: it only asks.
    ///
    /// # Errors
    /// When the provider could not be asked; the question is put again before the next try.
    async fn find(&self, question: &Question<'_, C>) -> Result<Found, SendError>;
}

/// What is known of a message of which nobody knows whether it was sent.
pub struct Question<'a, C: Channel> {
    /// The delivery.
    pub id: DeliveryId,
    /// Whose message it is.
    pub tenant: &'a TenantId,
    /// Counts redrives, from zero.
    pub generation: u32,
    /// Where it goes.
    pub to: &'a C::Address,
    /// What was sent, if it was, with its sender where the message names one.
    pub message: &'a C::Message,
    /// When the first try began that may have sent it, by the store's clock.
    pub first_at: Timestamp,
    /// When the last such try was given up, by the store's clock; at the latest now.
    pub last_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Option<Timestamp>,
}

impl<'a, C: Channel> Question<'a, C> {
    /// A question about the tries of the first generation between these two times; set what else is known.
    #[must_use]
    pub fn new(
        id: DeliveryId,
        tenant: &'a TenantId,
        to: &'a C::Address,
        message: &'a C::Message,
        (first_at, last_at): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            id,
            tenant,
            generation: 0,
            to,
            message,
            first_at,
            last_at,
            expires_at: None,
        }
    }

    /// Our name for the message, as [`Delivery::reference`](super::Delivery::reference) gave it.
    #[must_use]
    pub fn reference(&self) -> String {
        reference(self.id, self.generation)
    }
}

impl<C: Channel> fmt::Debug for Question<'_, C> {
    /// Shows neither address nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("channel", &C::NAME)
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("generation", &self.generation)
            .field("first_at", &self.first_at)
            .field("last_at", &self.last_at)
            .finish_non_exhaustive()
    }
}

/// What a provider knows of an earlier try.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// It took the message.
    Sent(Sent),
    /// It certainly never got it.
    NotSent,
    /// It cannot tell: nothing was found where the message may still turn up, or more than one message
    /// that it may be.
    Unclear {
        /// After how long it may know more. The delivery waits until then and its provider is asked again,
        /// as long as the channel's retries allow it; then the channel's guarantee decides. None when
        /// asking again would not help: the guarantee decides at once.
        ask_again: Option<Duration>,
    },
}
