//! What is answered when something is wrong (RFC 9457), always with what to do about it.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use signalbus_core::{
    InvalidEvent, PublishError,
    directory::keys::KeyError,
    store::{StoreError, StoreErrorKind},
};
use utoipa::ToSchema;

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $word:literal, $title:literal;)*) => {
        /// What went wrong, in a word that never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Wrong {
            $($(#[$doc])* $name,)*
        }

        impl Wrong {
            /// The status.
            pub(crate) const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }

            /// `type` of the problem. A URN, as there is no page to look it up at.
            const fn uri(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("urn:signalbus:problem:", $word),)*
                }
            }

            const fn title(self) -> &'static str {
                match self {
                    $(Self::$name => $title,)*
                }
            }
        }
    };
}

problems! {
    /// Not JSON, or a parameter that cannot be read.
    Malformed = BAD_REQUEST, "malformed", "the request cannot be read";
    /// No key, or none that is good.
    Unauthorized = UNAUTHORIZED, "unauthorized", "a good key is needed";
    /// The key may not do that.
    Forbidden = FORBIDDEN, "forbidden", "the key has not the scope for this";
    /// The tenant was suspended.
    Suspended = FORBIDDEN, "tenant-suspended", "the tenant is suspended";
    /// Nothing of this tenant's has this name.
    NotFound = NOT_FOUND, "not-found", "there is no such thing";
    /// There is something, but nothing for this method.
    Method = METHOD_NOT_ALLOWED, "method-not-allowed", "not with this method";
    /// The client was too slow.
    Slow = REQUEST_TIMEOUT, "body-too-slow", "the body did not come in time";
    /// Changed by somebody else, or there already.
    Conflict = CONFLICT, "conflict", "somebody else was faster";
    /// Another revision than was asked for.
    Precondition = PRECONDITION_FAILED, "precondition-failed", "it is not what you last saw";
    /// Too many bytes, events or recipients.
    TooLarge = PAYLOAD_TOO_LARGE, "too-large", "the request is too large";
    /// No JSON by its header.
    MediaType = UNSUPPORTED_MEDIA_TYPE, "media-type", "the body must be application/json";
    /// It can be read, and is wrong.
    Invalid = UNPROCESSABLE_ENTITY, "invalid", "the request is wrong";
    /// The key of the event was used before with other content.
    KeyReused = UNPROCESSABLE_ENTITY, "idempotency-key-reused", "this idempotency key was used before with other content";
    /// Too often.
    RateLimited = TOO_MANY_REQUESTS, "rate-limited", "too many requests";
    /// The tenant has used up what it may send.
    QuotaExceeded = TOO_MANY_REQUESTS, "quota-exceeded", "the quota of the tenant is used up";
    /// A fault of ours.
    Internal = INTERNAL_SERVER_ERROR, "internal", "something went wrong here";
    /// The store or what else we need is away.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "not available at the moment";
    /// Too many requests by all.
    Busy = SERVICE_UNAVAILABLE, "busy", "too much to do at the moment";
    /// The answer was not there in time.
    Timeout = SERVICE_UNAVAILABLE, "timeout", "the answer took too long";
}

/// An answer of type `application/problem+json` (RFC 9457), for handlers of a host as well.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem; never changes.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What it is here, and what to do.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// The id of the request, for whoever reads the logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    instance: Option<Box<str>>,
    /// The field that is wrong, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    field: Option<Box<str>>,
    #[serde(skip)]
    wrong: Wrong,
    #[serde(skip)]
    retry_after: Option<Duration>,
}

/// What handlers answer.
pub(crate) type Answer<T> = Result<T, Problem>;

impl Problem {
    /// 422: the request can be read, and this field of it is wrong; `detail` says what to do, and repeats
    /// nothing of what was sent.
    #[must_use]
    pub fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Wrong::Invalid, detail).field(field)
    }

    /// 404: the tenant has no thing of this kind.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            Wrong::NotFound,
            format!("this tenant has no such {what}: look at the id, and at whose key it is"),
        )
    }

    pub(crate) fn new(wrong: Wrong, detail: impl Into<String>) -> Self {
        Self {
            kind: wrong.uri(),
            title: wrong.title(),
            status: wrong.status().as_u16(),
            detail: detail.into().into(),
            instance: None,
            field: None,
            wrong,
            retry_after: None,
        }
    }

    /// Names the field.
    pub(crate) fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into().into());
        self
    }

    /// When to come again.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Which request it was.
    pub(crate) fn instance(mut self, request: &str) -> Self {
        self.instance = Some(format!("urn:signalbus:request:{request}").into());
        self
    }

    pub(crate) fn wrong(&self) -> Wrong {
        self.wrong
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The body, as bytes.
    fn body(&self) -> Body {
        Body::from(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Writes it into `response` once more, now that more is known.
    pub(crate) fn write_into(self, response: &mut Response) {
        *response.body_mut() = self.body();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.body());
        *response.status_mut() = self.wrong.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.wrong == Wrong::Unauthorized {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"signalbus\""),
            );
        }
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Whole seconds, at least one: clients come no sooner.
fn seconds(wait: Duration) -> u64 {
    let up = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(up).max(1)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::Unavailable | StoreErrorKind::InUse => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the store is away"
                );
                Self::new(
                    Wrong::Unavailable,
                    "the store did not answer; nothing was changed: try again",
                )
                .retry_after(Duration::from_secs(2))
            }
            StoreErrorKind::Ambiguous => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an answer was lost"
                );
                Self::new(
                    Wrong::Unavailable,
                    "the answer of the store was lost: try again with the same idempotency key",
                )
                .retry_after(Duration::from_secs(1))
            }
            StoreErrorKind::Invalid => Self::new(Wrong::Invalid, error.to_string()),
            StoreErrorKind::Unsupported => Self::new(
                Wrong::Invalid,
                "the store of this installation cannot do that",
            ),
            _ => {
                tracing::error!(error = &error as &dyn std::error::Error, "the store failed");
                Self::new(
                    Wrong::Internal,
                    "the store failed in a way that trying again does not mend: tell the operator",
                )
            }
        }
    }
}

impl From<InvalidEvent> for Problem {
    fn from(error: InvalidEvent) -> Self {
        Self::new(Wrong::Invalid, error.problem()).field(error.field())
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Invalid(invalid) => invalid.into(),
            PublishError::Store(error) => error.into(),
            error if !error.is_transient() => {
                tracing::error!(error = &error as &dyn std::error::Error, "the bus refuses");
                Self::new(
                    Wrong::Internal,
                    "the bus of this installation does not take events: tell the operator",
                )
            }
            error => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the bus is away");
                Self::new(
                    Wrong::Unavailable,
                    "the bus did not acknowledge the event: try again with the same idempotency key",
                )
                .retry_after(Duration::from_secs(2))
            }
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Directory(error) => error.into(),
            KeyError::NotFound => Self::not_found("key"),
            KeyError::Conflict => Self::new(Wrong::Conflict, "look at the key again, and repeat"),
            KeyError::Refused => Self::new(
                Wrong::Unauthorized,
                "send `Authorization: Bearer <key>` with a key that is neither expired nor revoked",
            ),
            error => Self::new(Wrong::Invalid, error.to_string()),
        }
    }
}
