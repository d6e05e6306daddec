use serde::{Deserialize, Serialize};

use super::{MediaUrl, sender};
use crate::channel::ComposeError;

/// What an event may say about its text messages beside the data of their template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SmsOptions {
    /// Whom they are from, instead of what the channel says; see
    /// [`Sms::sender`](super::Sms::sender).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Pictures and the like, sent along by providers that can (MMS); at most
    /// [`SmsOptions::MAX_MEDIA`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaUrl>,
}

impl SmsOptions {
    /// The most media of one message.
    pub const MAX_MEDIA: usize = 10;

    /// None set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whom they are from, instead of what the channel says. It is checked at publish.
    #[must_use]
    pub fn with_sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Adds a picture or the like.
    #[must_use]
    pub fn with_media(mut self, url: MediaUrl) -> Self {
        self.media.push(url);
        self
    }

    /// Checks how many media there are.
    pub(super) fn check_media(&self) -> Result<(), ComposeError> {
        let (count, limit) = (self.media.len(), Self::MAX_MEDIA);
        if count > limit {
            return Err(ComposeError::new(format!(
                "there are {count} media; at most {limit} are allowed"
            )));
        }
        Ok(())
    }

    /// The sender, if there is one and it can be used.
    pub(super) fn sender(&self) -> Result<Option<String>, ComposeError> {
        self.sender
            .as_deref()
            .map(sender::parse)
            .transpose()
            .map_err(|error| ComposeError::new(error.to_string()))
    }
}
