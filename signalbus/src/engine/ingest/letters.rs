//! The topic of dead letters: what nothing can be made of, as it was, with where it was and why.

use super::{Failure, Link, metrics};
use crate::{
    bus::{BusErrorKind, Delivered, Envelope, Offset, Place},
    chain::Chain,
    store::NewEvent,
};

/// What is recorded as rejected, and its copy for the topic of dead letters.
pub(super) struct Rejection {
    pub(super) event: NewEvent,
    pub(super) letter: Option<Envelope>,
}

impl Link {
    /// The copy of an envelope that was recorded as `event`, where copies are wanted.
    pub(super) fn letter(&self, event: &NewEvent, from: &Delivered) -> Option<Envelope> {
        let topic = self.setup.dead_letters.as_ref()?;
        let mut letter = from.envelope.clone();
        letter.topic = topic.as_str().to_owned();
        let mut tell =
            |name: &str, value: String| letter.headers.insert(format!("signalbus-{name}"), value);
        tell("topic", self.topic().to_owned());
        match &from.place {
            Place::Offset(Offset { partition, next }) => {
                tell("partition", partition.to_string());
                tell("offset", next.saturating_sub(1).to_string());
            }
            Place::Tag(tag) => {
                tell("tag", tag.to_string());
            }
        }
        tell("event", event.id.to_string());
        if let Some(delivery) = event.deliveries.first() {
            if let Some((_, reason)) = &delivery.ended {
                tell("reason", reason.to_string());
            }
            if let Some(detail) = &delivery.detail {
                tell("detail", detail.clone());
            }
        }
        Some(letter)
    }

    /// Publishes letters. One that is refused for good is told and left, since it is recorded in the
    /// store; while the bus cannot be reached nothing is recorded either, and all is read again.
    pub(super) async fn post(&self, letters: Vec<Envelope>) -> Result<(), Failure> {
        if letters.is_empty() {
            return Ok(());
        }
        let bus = &self.setup.bus;
        let count = letters.len();
        match bus.publish(letters.clone()).await {
            Ok(()) => {
                metrics::dead_letters(self, "published", count);
                return Ok(());
            }
            Err(error) if error.kind() != BusErrorKind::Invalid => return Err(error.into()),
            // One of them, or all.
            Err(_) => {}
        }
        for letter in letters {
            match bus.publish(vec![letter]).await {
                Ok(()) => metrics::dead_letters(self, "published", 1),
                Err(error) if error.kind() != BusErrorKind::Invalid => return Err(error.into()),
                Err(error) => {
                    tracing::error!(
                        error = %Chain(&error), bus = self.bus(), topic = self.topic(),
                        "a dead letter was refused; it is in the store alone"
                    );
                    metrics::dead_letters(self, "refused", 1);
                }
            }
        }
        Ok(())
    }
}
