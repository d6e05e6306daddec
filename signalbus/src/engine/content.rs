//! What the engine keeps with an event and with a delivery that is tried again: versioned JSON,
//! opaque to stores.

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    clock::Timestamp, event::Recipient, id::DeliveryId, name::ChannelName, trace::TraceContext,
};

const VERSION: u16 = 1;

/// Bytes of a typical event, so that its blob is not grown step by step.
const TYPICAL: usize = 512;

/// The part of an event that stores do not look into.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Content {
    v: u16,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trace: Option<TraceContext>,
    /// What the publisher was told. Who sends has no use for it, so it is read by itself: see
    /// [`answers`].
    #[serde(skip_deserializing)]
    pub(crate) answers: Vec<StoredAnswer>,
}

/// One answer at publish, as kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredAnswer {
    #[serde(rename = "r")]
    pub(crate) recipient: u32,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<ChannelName>,
    #[serde(rename = "d")]
    pub(crate) delivery: DeliveryId,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(crate) scheduled: Option<Timestamp>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(crate) rejected: Option<String>,
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
            trace: None,
            answers: Vec::new(),
        }
    }

    pub(crate) fn encode(&self) -> Result<Bytes, serde_json::Error> {
        let mut blob = Vec::with_capacity(TYPICAL);
        serde_json::to_writer(&mut blob, self)?;
        // In as many bytes as it takes: it may wait for long.
        Ok(Bytes::copy_from_slice(&blob))
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

/// What the publisher of an event was told, for when it asks again; nothing when it cannot be read.
pub(crate) fn answers(blob: &[u8]) -> Vec<StoredAnswer> {
    #[derive(Deserialize)]
    struct Answers {
        answers: Vec<StoredAnswer>,
    }
    serde_json::from_slice(blob).map_or_else(|_| Vec::new(), |Answers { answers }| answers)
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
            let blob = format!(r#"{{"v":1,"to":[],"data":{number},"answers":[]}}"#);
            let content = Content::decode(blob.as_bytes()).unwrap();
            assert_eq!(content.encode().unwrap(), blob);
            assert_eq!(content.data.as_f64(), number.parse().ok());
        }
    }
}
