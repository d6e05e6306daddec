use serde::{Deserialize, Serialize};

use super::sender;
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
}

impl SmsOptions {
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

    /// The sender, if there is one and it can be used.
    pub(super) fn sender(&self) -> Result<Option<String>, ComposeError> {
        self.sender
            .as_deref()
            .map(sender::parse)
            .transpose()
            .map_err(|error| ComposeError::new(error.to_string()))
    }
}
