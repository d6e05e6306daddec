use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A file sent along with every message of an event, by channels that can. Stored once per event.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// What the recipient sees, such as `invoice.pdf`.
    pub file_name: String,
    /// The media type, such as `application/pdf`.
    pub content_type: String,
    /// Set for an image shown inside the HTML part as `cid:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<String>,
    /// The bytes; base64 in JSON.
    #[serde(with = "base64_bytes")]
    pub content: Bytes,
}

/// Why an attachment was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttachmentError {
    /// The name or type is empty or has a control character or a path separator.
    #[error("an attachment's {field} is empty, too long, or has a character that is not allowed")]
    Name {
        /// Which field.
        field: &'static str,
    },
    /// One file, or all together, are too large.
    #[error("the attachments have {bytes} bytes; at most {limit} are allowed")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many may be.
        limit: usize,
    },
}

impl Attachment {
    /// The most bytes all attachments of one event may have together: 20 MiB, so that a mail
    /// stays under the 30 MiB that providers take after base64.
    pub const MAX_TOTAL: usize = 20 * 1024 * 1024;

    /// A file.
    #[must_use]
    pub fn new(
        file_name: impl Into<String>,
        content_type: impl Into<String>,
        content: impl Into<Bytes>,
    ) -> Self {
        Self {
            file_name: file_name.into(),
            content_type: content_type.into(),
            content_id: None,
            content: content.into(),
        }
    }

    /// Shows it inside the HTML part as `cid:{content_id}`.
    #[must_use]
    pub fn inline(mut self, content_id: impl Into<String>) -> Self {
        self.content_id = Some(content_id.into());
        self
    }

    /// Checks all attachments of an event.
    ///
    /// # Errors
    /// Says what is wrong with the first that cannot be sent.
    pub fn check_all(attachments: &[Self]) -> Result<(), AttachmentError> {
        let bytes = attachments
            .iter()
            .map(|attachment| attachment.content.len())
            .sum();
        if bytes > Self::MAX_TOTAL {
            return Err(AttachmentError::TooLarge {
                bytes,
                limit: Self::MAX_TOTAL,
            });
        }
        attachments.iter().try_for_each(Self::check)
    }

    fn check(&self) -> Result<(), AttachmentError> {
        let plain = |text: &str, forbidden: &[char]| {
            !text.is_empty()
                && text.len() <= 255
                && !text.contains(|c: char| c.is_control() || forbidden.contains(&c))
        };
        if !plain(&self.file_name, &['/', '\\', '"']) {
            return Err(AttachmentError::Name { field: "file name" });
        }
        if !plain(&self.content_type, &[' ', '"']) || !self.content_type.contains('/') {
            return Err(AttachmentError::Name {
                field: "content type",
            });
        }
        if self
            .content_id
            .as_deref()
            .is_some_and(|id| !plain(id, &['<', '>', ' ', '"']))
        {
            return Err(AttachmentError::Name {
                field: "content id",
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Attachment {
    /// Shows no content and no name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("content_type", &self.content_type)
            .field("bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

mod base64_bytes {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD
            .decode(text)
            .map(Bytes::from)
            .map_err(D::Error::custom)
    }
}
