//! What comes with a request, read with limits.

use axum::{
    body::{Body, HttpBody},
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, header, request::Parts};
use serde::de::DeserializeOwned;
use signalbus_core::{TraceContext, directory::Expect, text::without_value};

use super::{
    problem::{Answer, Problem, Wrong},
    tenancy::ApiState,
    words::Object,
};

/// A body of JSON, read with the limits of the API: for handlers of a host, too ([`Api::own`]).
///
/// [`Api::own`]: crate::Api::own
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// The bytes of a body of JSON.
pub(crate) struct Raw(pub(crate) Bytes);

/// Parameters of the query.
pub(crate) struct Params<T>(pub(crate) T);

/// What a change expects to find: `If-Match` and `If-None-Match` of RFC 9110 section 13.1, with revisions as
/// tags.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Match(Expect);

impl Match {
    pub(crate) fn of(expect: Expect) -> Self {
        Self(expect)
    }

    pub(crate) fn expect(self) -> Expect {
        self.0
    }
}

impl FromRequestParts<ApiState> for Match {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Answer<Self> {
        let text = |name| match parts.headers.get(name) {
            None => Ok(None),
            Some(value) => value.to_str().map(Some).map_err(|_| unmatched(name)),
        };
        match (text("if-match")?, text("if-none-match")?) {
            (None, None) => Ok(Self(Expect::Any)),
            (None, Some("*")) => Ok(Self(Expect::Absent)),
            (Some(tag), None) => {
                let digits = tag
                    .strip_prefix('"')
                    .and_then(|rest| rest.strip_suffix('"'))
                    .unwrap_or(tag);
                let revision = digits.parse().map_err(|_| unmatched("if-match"))?;
                Ok(Self(Expect::Revision(revision)))
            }
            _ => Err(unmatched("if-none-match")),
        }
    }
}

fn unmatched(header: &str) -> Problem {
    Problem::new(
        Wrong::Malformed,
        "send `If-Match` with the revision that you last saw, or `If-None-Match: *`, or neither",
    )
    .field(header)
}

/// A part of the path that is a name.
pub(crate) struct Name(pub(crate) String);

/// A part of the path that is an id; whatever is none names nothing.
pub(crate) struct Id<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ApiState> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Answer<Self> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        parse(&bytes).map(|Object(value)| Self(value))
    }
}

impl FromRequest<ApiState> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Answer<Self> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                Wrong::MediaType,
                "send the header `Content-Type: application/json`",
            ));
        }
        let limits = state.limits();
        let read = read(request.into_body(), limits.body);
        tokio::select! {
            biased;
            bytes = read => Ok(Self(bytes?)),
            () = state.clock().sleep(limits.body_time) => Err(Problem::new(
                Wrong::Slow,
                "the body did not come in time: send it faster, or less of it",
            )),
        }
    }
}

async fn read(body: Body, limit: usize) -> Answer<Bytes> {
    let large = || {
        Problem::new(
            Wrong::TooLarge,
            format!("a body may have {limit} bytes: send fewer events at a time"),
        )
    };
    let least = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if least > limit {
        return Err(large());
    }
    let mut stream = body.into_data_stream();
    // What a client only says it sends takes no more room than this.
    let mut bytes = BytesMut::with_capacity(least.min(64 * 1024));
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| {
            Problem::new(Wrong::Malformed, "the body broke off: send it again, whole")
        })?;
        if bytes.len().saturating_add(piece.len()) > limit {
            return Err(large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// Reads JSON, and says where it is wrong without repeating it.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    serde_json::from_slice(bytes).map_err(|error| problem_of(&error))
}

pub(crate) fn problem_of(error: &serde_json::Error) -> Problem {
    let wrong = if error.is_data() {
        Wrong::Invalid
    } else {
        Wrong::Malformed
    };
    Problem::new(wrong, without_value(error))
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

impl<T: DeserializeOwned + Send> FromRequestParts<ApiState> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Answer<Self> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(params)| Self(params))
            .map_err(|_| {
                Problem::new(
                    Wrong::Malformed,
                    "a parameter of the query is not known, comes twice, or cannot be read: see the document",
                )
            })
    }
}

impl FromRequestParts<ApiState> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Answer<Self> {
        Path::<String>::from_request_parts(parts, state)
            .await
            .map(|Path(name)| Self(name))
            .map_err(|_| Problem::not_found("thing"))
    }
}

impl<T: std::str::FromStr + Send> FromRequestParts<ApiState> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Answer<Self> {
        let Name(text) = Name::from_request_parts(parts, state).await?;
        text.parse()
            .map(Self)
            .map_err(|_| Problem::not_found("thing"))
    }
}

/// The trace that a request belongs to. One that cannot be read is none: it is no reason to refuse.
pub(crate) fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name| headers.get(name)?.to_str().ok();
    let parent = text("traceparent")?;
    TraceContext::new(parent, text("tracestate"))
        .or_else(|_| TraceContext::new(parent, None))
        .ok()
}

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// `Idempotency-Key` as in version 07 of the IETF draft `draft-ietf-httpapi-idempotency-key-header`,
/// which is no standard yet: a string in quotes; without them is taken as well.
pub(crate) fn key_of(headers: &HeaderMap) -> Answer<Option<String>> {
    let wrong = |problem: &str| Problem::new(Wrong::Malformed, problem).field("Idempotency-Key");
    let mut values = headers.get_all("idempotency-key").iter();
    let (value, more) = (values.next(), values.next());
    if more.is_some() {
        return Err(wrong("comes twice: say it once"));
    }
    let Some(value) = value else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| wrong("must be printable ASCII"))?
        .trim();
    let key = match text.strip_prefix('"') {
        None => text.to_owned(),
        Some(rest) => unquoted(rest).ok_or_else(|| {
            wrong("must end with the quote it began with; a quote within is written `\\\"`")
        })?,
    };
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(wrong("must have 1 to 255 bytes"));
    }
    Ok(Some(key))
}

/// The inside of a string of RFC 8941 section 3.3.3, from behind its first quote.
fn unquoted(text: &str) -> Option<String> {
    let mut key = String::with_capacity(text.len());
    let mut rest = text.chars();
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(key),
            '\\' => match rest.next()? {
                escaped @ ('"' | '\\') => key.push(escaped),
                _ => return None,
            },
            plain => key.push(plain),
        }
    }
}
