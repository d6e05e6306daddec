//! What the engine keeps and what travels on a bus, opened to the fuzz targets. Compiled only with
//! the feature `__fuzzing`.

use bytes::Bytes;

use crate::{
    channel::Channel,
    event::Event,
    id::EventId,
    publish::wire::{self, Carried, Uncarried},
    route::content::{BlobError, Content, Rendering, answers},
};

/// Why the record of an event was refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// A newer version of the library wrote it.
    Newer(u16),
    /// It cannot be read.
    Broken,
}

/// Reads the engine's record of an event and writes it again.
///
/// # Errors
/// When the engine would refuse it.
pub fn content(blob: &[u8]) -> Result<Bytes, Refused> {
    let content = Content::decode(blob).map_err(|error| match error {
        BlobError::Newer(version) => Refused::Newer(version),
        BlobError::Broken(_) => Refused::Broken,
    })?;
    let answers = answers(blob);
    content.encode(&answers).map_err(|_| Refused::Broken)
}

/// The blob of a message that is kept for the next try; none when it cannot be written.
pub fn keep<C: Channel>(message: C::Message, locale: &str, doubt: Option<u32>) -> Option<Bytes> {
    let rendering = Rendering {
        v: C::MESSAGE_VERSION,
        locale: locale.to_owned(),
        doubt,
        message,
    };
    rendering.encode().ok()
}

/// A message that was kept, its locale and its generation in doubt; none when it would be rendered
/// again.
#[must_use]
pub fn kept<C: Channel>(blob: &[u8]) -> Option<(C::Message, String, Option<u32>)> {
    let rendering = Rendering::<C::Message>::decode(blob, C::MESSAGE_VERSION)?;
    Some((rendering.message, rendering.locale, rendering.doubt))
}

/// What goes onto a bus.
///
/// # Errors
/// When the event cannot be written as JSON.
pub fn to_bus(id: EventId, event: &Event) -> Result<Vec<u8>, serde_json::Error> {
    wire::encode(id, event).map(Vec::from)
}

/// What came from a bus; without an id when it was the bare JSON of an event.
///
/// # Errors
/// When it cannot be read.
pub fn from_bus(payload: &[u8]) -> Result<(Option<EventId>, Event), Refused> {
    match wire::decode(payload) {
        Ok(Carried::Ours(id, event)) => Ok((Some(id), event)),
        Ok(Carried::Foreign(event)) => Ok((None, event)),
        Err(Uncarried::Newer(version)) => {
            Err(Refused::Newer(u16::try_from(version).unwrap_or(u16::MAX)))
        }
        Err(Uncarried::Unreadable(_)) => Err(Refused::Broken),
    }
}
