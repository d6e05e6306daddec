use std::{error::Error, fmt};

use signalbus_core::provider::{Fault, SendError};

/// Why a request has no answer, and whether it was possibly sent.
///
/// Shows no URL, header or body.
#[derive(Debug)]
pub struct HttpError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: HttpErrorKind,
    possibly_sent: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// A header or the URL cannot be written; nothing was tried.
    Request,
    /// The host name has no address, or the resolver failed.
    Resolve,
    /// The connection was refused, reset or unreachable before it stood.
    Connect,
    /// TLS failed: a certificate that is not trusted, expired or for another host, or no common
    /// version.
    Tls,
    /// There was no connection in [`HttpConfig::connect_within`](crate::HttpConfig::connect_within).
    ConnectTimeout,
    /// There was no answer in [`HttpConfig::answer_within`](crate::HttpConfig::answer_within).
    Deadline,
    /// Fewer bytes moved than [`HttpConfig::slowest`](crate::HttpConfig::slowest) asks for.
    TooSlow,
    /// The connection broke before the head of the answer was there, or the answer is not HTTP.
    Broken,
}

impl HttpErrorKind {
    /// The name in logs and codes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::ConnectTimeout => "connect_timeout",
            Self::Deadline => "deadline",
            Self::TooSlow => "too_slow",
            Self::Broken => "broken",
        }
    }
}

impl HttpError {
    pub(crate) fn new(kind: HttpErrorKind, possibly_sent: bool) -> Self {
        Self(Box::new(Inner {
            kind,
            possibly_sent,
            source: None,
        }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> HttpErrorKind {
        self.0.kind
    }

    /// Whether the server may have acted on the request. False only when the request certainly was
    /// not handed to a connection as a whole.
    #[must_use]
    pub fn possibly_sent(&self) -> bool {
        self.0.possibly_sent
    }
}

/// Takes the place of reqwest's error, which shows the URL unless it is taken out.
pub(crate) fn of(error: reqwest::Error, possibly_sent: bool) -> HttpError {
    let error = error.without_url();
    let kind = if caused_by::<crate::resolve::NoAddress>(&error) {
        HttpErrorKind::Resolve
    } else if caused_by::<rustls::Error>(&error) {
        HttpErrorKind::Tls
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_builder() {
        HttpErrorKind::Request
    } else {
        HttpErrorKind::Broken
    };
    HttpError::new(kind, possibly_sent).with_source(error)
}

/// Looks through the causes, and through what `io::Error` wraps, which is not among its causes.
fn caused_by<T: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<T>() {
            return true;
        }
        next = match error
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::get_ref)
        {
            Some(Some(inner)) => Some(inner),
            _ => error.source(),
        };
    }
    false
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.kind {
            HttpErrorKind::Request => "the request cannot be written",
            HttpErrorKind::Resolve => "the host name cannot be resolved",
            HttpErrorKind::Connect => "no connection",
            HttpErrorKind::Tls => "no TLS connection",
            HttpErrorKind::ConnectTimeout => "no connection in time",
            HttpErrorKind::Deadline => "no answer in time",
            HttpErrorKind::TooSlow => "the connection is too slow",
            HttpErrorKind::Broken => "the connection broke before the answer",
        })
    }
}

impl Error for HttpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

impl From<HttpError> for SendError {
    /// What a provider that sends by this request answers: unknown when it was possibly sent, else
    /// to be tried again; a request that cannot be written is the message's fault.
    fn from(error: HttpError) -> Self {
        let kind = error.kind();
        let failed = if error.possibly_sent() {
            Self::unknown(error.to_string())
        } else if kind == HttpErrorKind::Request {
            Self::permanent(Fault::Message, error.to_string())
        } else {
            Self::retryable(Fault::Provider, error.to_string())
        };
        let failed = failed.with_code(kind.as_str());
        match error.0.source {
            Some(source) => failed.with_source(source),
            None => failed,
        }
    }
}
