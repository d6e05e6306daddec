use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

/// What a server answered: a status, headers, and as much of the body as came.
///
/// A body that broke off, dripped or was too large takes nothing from the status: what the status
/// says has happened.
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) fault: Option<BodyFault>,
}

/// Why the body of an answer cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyFault {
    /// The connection broke before its end.
    #[error("the answer broke off")]
    Cut,
    /// It is larger than the limit.
    #[error("the answer is too large")]
    TooLarge,
    /// It came too slowly, or not in time.
    #[error("the answer came too slowly")]
    TooSlow,
    /// It is not what the provider documents.
    #[error("the answer cannot be read")]
    Malformed,
}

impl Answer {
    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, if it is plain text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// As much of the body as came.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// Why the body is not whole, if it is not.
    #[must_use]
    pub fn fault(&self) -> Option<BodyFault> {
        self.fault
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// When it is not whole, or not such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, BodyFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => serde_json::from_slice(&self.body).map_err(|_| BodyFault::Malformed),
        }
    }
}

impl fmt::Debug for Answer {
    /// Shows no header and no body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
