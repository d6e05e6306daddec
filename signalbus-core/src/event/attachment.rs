use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::text;

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
    /// A name, type or content id is empty, longer than 255 bytes, or has a character that is not
    /// allowed.
    #[error("the {field} of attachment {index} {problem}")]
    Name {
        /// Which attachment, from zero.
        index: usize,
        /// Which field.
        field: &'static str,
        /// What is wrong with it, and what to do.
        problem: &'static str,
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
        attachments
            .iter()
            .enumerate()
            .try_for_each(|(index, file)| {
                file.check()
                    .map_err(|(field, problem)| AttachmentError::Name {
                        index,
                        field,
                        problem,
                    })
            })
    }

    /// Names that are what they look like, media types and content ids that a header can carry. Or
    /// which field is none, and why.
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let refused = |field, problem| Err((field, problem));
        let fits = |text: &str| (1..=255).contains(&text.len());
        let name = "file name";
        if !fits(&self.file_name) {
            return refused(name, "must have 1 to 255 bytes");
        }
        if let Some(problem) = text::name_problem(&self.file_name) {
            return refused(name, problem);
        }
        if self.file_name.contains(['/', '\\', '"']) {
            return refused(
                name,
                "has a `/`, a `\\` or a quote; give the last part of the path",
            );
        }
        if !fits(&self.content_type) || !is_media_type(&self.content_type) {
            return refused("content type", "must be of the form `application/pdf`");
        }
        let plain = |id: &str| {
            id.bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"'))
        };
        match &self.content_id {
            Some(id) if !fits(id) || !plain(id) => refused(
                "content id",
                "must be 1 to 255 printable ASCII characters without space, quote and brackets",
            ),
            _ => Ok(()),
        }
    }
}

/// `type "/" subtype *(";" attribute "=" value)` of RFC 2045 section 5.1, with white space around
/// the `;` as it is usually written.
fn is_media_type(text: &str) -> bool {
    let mut fields = text.split(';').map(|field| field.trim_matches(' '));
    let essence = fields.next().and_then(|essence| essence.split_once('/'));
    essence.is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
        && fields.all(|field| {
            field.split_once('=').is_some_and(|(attribute, value)| {
                let inner = value
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'));
                is_token(attribute) && inner.map_or_else(|| is_token(value), is_token)
            })
        })
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&byte))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(file: Attachment) -> Option<String> {
        let good = Attachment::new("a.txt", "text/plain", &b""[..]);
        let error = Attachment::check_all(&[good, file]).err()?;
        Some(error.to_string())
    }

    #[test]
    fn what_a_mail_cannot_carry_is_refused_at_publish() {
        let file = |name: &str, kind: &str| Attachment::new(name, kind, &b"x"[..]);
        for good in [
            file("invoice.pdf", "application/pdf"),
            file("請求書.pdf", "text/plain; charset=utf-8"),
            file("logo.png", "image/png").inline("logo@acme"),
        ] {
            assert_eq!(refusal(good.clone()), None, "{good:?}");
        }
        for (bad, field) in [
            (file("", "a/b"), "file name"),
            (file("fdp\u{202e}exe", "a/b"), "file name"),
            (file("a\r\nb", "a/b"), "file name"),
            (file("../a", "a/b"), "file name"),
            (file(&"n".repeat(256), "a/b"), "file name"),
            (file("a", ""), "content type"),
            (file("a", "a/b/c"), "content type"),
            (file("a", "text/plain\r\nX: y"), "content type"),
            (file("a", "a/b").inline("logoé"), "content id"),
            (file("a", "a/b").inline("two words"), "content id"),
            (file("a", "a/b").inline("<logo>"), "content id"),
        ] {
            let error = refusal(bad).unwrap();
            let start = format!("the {field} of attachment 1 ");
            assert!(error.starts_with(&start), "{error}");
        }
    }
}
