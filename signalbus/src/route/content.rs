//! What the engine keeps with an event and with a delivery that is tried again: versioned JSON,
//! opaque to stores.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    clock::Timestamp,
    event::Recipient,
    id::DeliveryId,
    name::ChannelName,
    publish::{Answer, RouteAnswer},
    trace::TraceContext,
};

const VERSION: u16 = 1;

/// The part of an event that stores do not look into. Beside it in the blob of an event with a key
/// is what the publisher was told: who sends has no use for that, so it is read by itself, with
/// [`answers`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Content {
    v: u16,
    /// The recipients, while they are in hand: they are kept in rows of their own.
    #[serde(skip)]
    pub(crate) to: Vec<Recipient>,
    #[serde(default)]
    pub(crate) data: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locale: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) options: Map<String, Value>,
    /// The template, when it is not named after the topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) template: Option<String>,
    /// What the rule of the topic called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<TraceContext>,
    /// Whether there is a secret beside it: one that is there no more is missed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) secret: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// One answer at publish, as kept.
#[derive(Serialize, Deserialize)]
struct StoredAnswer<'a> {
    #[serde(rename = "r")]
    recipient: usize,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    channel: Option<ChannelName>,
    #[serde(rename = "d")]
    delivery: DeliveryId,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    scheduled: Option<Timestamp>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    rejected: Option<Cow<'a, str>>,
}

impl<'a> From<&'a RouteAnswer> for StoredAnswer<'a> {
    fn from(route: &'a RouteAnswer) -> Self {
        let (scheduled, rejected) = match &route.answer {
            Answer::Scheduled(at) => (Some(*at), None),
            Answer::Rejected(why) => (None, Some(Cow::Borrowed(why.as_str()))),
            _ => (None, None),
        };
        Self {
            recipient: route.recipient,
            channel: route.channel.clone(),
            delivery: route.delivery,
            scheduled,
            rejected,
        }
    }
}

impl From<StoredAnswer<'_>> for RouteAnswer {
    fn from(stored: StoredAnswer<'_>) -> Self {
        let answer = match (&stored.channel, stored.scheduled, stored.rejected) {
            (_, _, Some(why)) => Answer::Rejected(why.into_owned()),
            (None, _, None) => Answer::NoRoute,
            (Some(_), Some(at), None) => Answer::Scheduled(at),
            (Some(_), None, None) => Answer::Queued,
        };
        Self {
            recipient: stored.recipient,
            channel: stored.channel,
            delivery: stored.delivery,
            answer,
        }
    }
}

/// Why a blob cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BlobError {
    #[error("written by a newer version ({0}) of this library")]
    Newer(u16),
    #[error("cannot be read")]
    Broken(#[from] serde_json::Error),
}

impl Content {
    pub(crate) fn new(to: Vec<Recipient>, data: Value) -> Self {
        Self {
            v: VERSION,
            to,
            data,
            locale: None,
            options: Map::new(),
            template: None,
            category: None,
            trace: None,
            secret: false,
        }
    }

    /// The blob, with what the publisher was told.
    pub(crate) fn encode(&self, answers: &[RouteAnswer]) -> Result<Bytes, serde_json::Error> {
        let mut draft = Vec::new();
        self.write(&mut draft)?;
        seal(&mut draft, answers)
    }

    /// Writes it into `draft`, to be finished by [`seal`].
    pub(crate) fn write(&self, draft: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        draft.clear();
        serde_json::to_writer(draft, self)
    }

    pub(crate) fn decode(blob: &[u8]) -> Result<Self, BlobError> {
        #[derive(Deserialize)]
        struct Version {
            v: u16,
        }
        match serde_json::from_slice::<Self>(blob) {
            Ok(content) if content.v <= VERSION => Ok(content),
            Ok(content) => Err(BlobError::Newer(content.v)),
            // Perhaps it is only newer: then its shape may differ.
            Err(error) => match serde_json::from_slice::<Version>(blob) {
                Ok(Version { v }) if v > VERSION => Err(BlobError::Newer(v)),
                _ => Err(error.into()),
            },
        }
    }
}

/// The blob of what was written into `draft`, with what the publisher was told. It is copied in as
/// many bytes as it takes: it may wait for long.
pub(crate) fn seal(
    draft: &mut Vec<u8>,
    answers: &[RouteAnswer],
) -> Result<Bytes, serde_json::Error> {
    if !answers.is_empty() {
        // Another field of the object, which has one at least.
        let end = draft.pop();
        draft.extend_from_slice(br#","answers":"#);
        let answers: Vec<StoredAnswer<'_>> = answers.iter().map(StoredAnswer::from).collect();
        serde_json::to_writer(&mut *draft, &answers)?;
        draft.extend(end);
    }
    Ok(Bytes::copy_from_slice(draft))
}

/// What the publisher of an event was told, for when it asks again; nothing when it cannot be read.
pub(crate) fn answers(blob: &[u8]) -> Vec<RouteAnswer> {
    #[derive(Deserialize)]
    struct Answers<'a> {
        #[serde(borrow)]
        answers: Vec<StoredAnswer<'a>>,
    }
    serde_json::from_slice::<Answers<'_>>(blob)
        .map(|stored| stored.answers.into_iter().map(RouteAnswer::from).collect())
        .unwrap_or_default()
}

/// A finished message, kept for the next try of a generation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Rendering<M> {
    /// [`Channel::MESSAGE_VERSION`](crate::Channel::MESSAGE_VERSION).
    pub(crate) v: u16,
    pub(crate) locale: String,
    /// The generation of which a try may have been sent, if one may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) doubt: Option<u32>,
    pub(crate) message: M,
}

impl<M: Serialize> Rendering<M> {
    pub(crate) fn encode(&self) -> Result<Bytes, serde_json::Error> {
        serde_json::to_vec(self).map(Bytes::from)
    }
}

impl<M: DeserializeOwned> Rendering<M> {
    /// None when it is of another version, or cannot be read: then it is rendered again.
    pub(crate) fn decode(blob: &[u8], version: u16) -> Option<Self> {
        serde_json::from_slice(blob)
            .ok()
            .filter(|rendering: &Self| rendering.v == version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing: the last digit of a number could change each time it was read.
    #[test]
    fn numbers_are_kept_to_the_last_digit() {
        for number in ["-9.223372036854773e+32", "2.2250738585072014e-308", "0.1"] {
            let blob = format!(r#"{{"v":1,"data":{number}}}"#);
            let content = Content::decode(blob.as_bytes()).unwrap();
            assert_eq!(content.encode(&[]).unwrap(), blob);
            assert_eq!(content.data.as_f64(), number.parse().ok());
        }
    }
}
