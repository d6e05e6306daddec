use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a provider fetches a picture or the like for a message: an `https` URL that it can reach
/// without signing in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaUrl(String);

/// A URL that no provider can fetch media from. Does not repeat it: it may carry a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a media URL must be of the form https://host/..., of at most {} bytes, with everything but \
     ASCII percent-encoded",
    MediaUrl::MAX
)]
#[non_exhaustive]
pub struct MediaUrlError;

impl MediaUrl {
    /// The longest URL in bytes.
    pub const MAX: usize = 2048;

    /// Checks and takes a URL.
    ///
    /// # Errors
    /// When it is no `https` URL in ASCII, or is too long.
    pub fn new(url: impl Into<String>) -> Result<Self, MediaUrlError> {
        let url = url.into();
        let host = url.strip_prefix("https://").unwrap_or_default();
        let plain = url.bytes().all(|byte| byte.is_ascii_graphic());
        if !host.starts_with(|c: char| c.is_ascii_alphanumeric()) || !plain || url.len() > Self::MAX
        {
            return Err(MediaUrlError);
        }
        Ok(Self(url))
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MediaUrl {
    type Error = MediaUrlError;

    fn try_from(url: String) -> Result<Self, MediaUrlError> {
        Self::new(url)
    }
}

impl From<MediaUrl> for String {
    fn from(url: MediaUrl) -> Self {
        url.0
    }
}

impl fmt::Debug for MediaUrl {
    /// Shows nothing: the URL may carry a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_urls() {
        MediaUrl::new("https://cdn.acme.test/a.png?t=1").unwrap();
        for url in [
            "",
            "http://cdn.acme.test/a.png",
            "https:///a.png",
            "https://cdn.acme.test/a b.png",
            "https://cdn.acme.test/ä.png",
            "https://cdn.acme.test/a\r\nb",
            &format!("https://a.test/{}", "x".repeat(MediaUrl::MAX)),
        ] {
            MediaUrl::new(url).unwrap_err();
        }
    }
}
