use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use secrecy::{ExposeSecret, SecretString};
use signalbus_core::trace::TraceContext;

use crate::{Form, HttpError, HttpErrorKind, Multipart, Url};

/// One request to a provider.
///
/// What cannot be written (a line break in a header, say) is kept, and is the error of
/// [`HttpClient::send`](crate::HttpClient::send).
pub struct Request {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<Bytes>,
    pub(crate) answer_limit: Option<usize>,
    bad: bool,
}

impl Request {
    /// A `POST`. `operation` is its name in traces, such as `send`.
    #[must_use]
    pub fn post(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::POST, url)
    }

    /// A `GET`.
    #[must_use]
    pub fn get(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::GET, url)
    }

    /// A request with another method.
    #[must_use]
    pub fn new(operation: &'static str, method: Method, url: Url) -> Self {
        Self {
            operation,
            method,
            url,
            headers: HeaderMap::new(),
            body: Vec::new(),
            answer_limit: None,
            bad: false,
        }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.bad = true,
        }
        self
    }

    /// Says which trace it is a part of (W3C Trace Context, `traceparent`). The state of the trace, which
    /// is the host's own, is not passed on.
    #[must_use]
    pub fn trace(self, trace: Option<&TraceContext>) -> Self {
        match trace {
            Some(trace) => self.header("traceparent", trace.traceparent()),
            None => self,
        }
    }

    /// Signs in with user and password (RFC 7617).
    #[must_use]
    pub fn basic_auth(self, user: &str, password: &SecretString) -> Self {
        let pair = format!("{user}:{}", password.expose_secret());
        let encoded = BASE64_STANDARD.encode(pair);
        self.authorization(&format!("Basic {encoded}"))
    }

    /// Signs in with a token (RFC 6750).
    #[must_use]
    pub fn bearer_auth(self, token: &SecretString) -> Self {
        self.authorization(&format!("Bearer {}", token.expose_secret()))
    }

    /// Sets the whole value of `Authorization`.
    #[must_use]
    pub fn authorization(mut self, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(header::AUTHORIZATION, value);
            }
            Err(_) => self.bad = true,
        }
        self
    }

    /// Sends fields.
    #[must_use]
    pub fn form(self, form: Form) -> Self {
        self.bytes("application/x-www-form-urlencoded", form.encode())
    }

    /// Sends fields and files.
    #[must_use]
    pub fn multipart(mut self, multipart: Multipart) -> Self {
        let (content_type, pieces) = multipart.encode();
        self.body = pieces;
        self.header(header::CONTENT_TYPE.as_str(), &content_type)
    }

    /// Sends a value as JSON.
    #[must_use]
    pub fn json(mut self, value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.bytes("application/json", Bytes::from(json)),
            Err(_) => {
                self.bad = true;
                self
            }
        }
    }

    /// Sends bytes of this media type.
    #[must_use]
    pub fn bytes(mut self, content_type: &str, body: Bytes) -> Self {
        self.body = vec![body];
        self.header(header::CONTENT_TYPE.as_str(), content_type)
    }

    /// Reads at most this many bytes of the answer, instead of
    /// [`HttpConfig::answer_limit`](crate::HttpConfig::answer_limit).
    #[must_use]
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit = Some(bytes);
        self
    }

    pub(crate) fn check(&self) -> Result<(), HttpError> {
        if self.bad {
            Err(HttpError::new(HttpErrorKind::Request, false))
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Request {
    /// Shows no URL, header or body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
