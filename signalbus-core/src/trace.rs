//! W3C trace context: taken with an event, stored with it, linked from each attempt.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The trace that caused an event
/// ([W3C Trace Context](https://www.w3.org/TR/trace-context/), level 1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceContext {
    traceparent: Traceparent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<Tracestate>,
}

/// Why a trace context was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceContextError {
    /// Not `version-traceid-parentid-flags` in lower-case hex.
    #[error(
        "a traceparent must be 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, not all zero"
    )]
    Traceparent,
    /// Too long, or not printable ASCII.
    #[error("a tracestate must be at most 512 printable ASCII characters")]
    Tracestate,
}

impl TraceContext {
    /// Checks and takes the values of the two headers.
    ///
    /// # Errors
    /// When either is not of the form the standard gives it.
    pub fn new(traceparent: &str, tracestate: Option<&str>) -> Result<Self, TraceContextError> {
        Ok(Self {
            traceparent: traceparent.parse()?,
            tracestate: tracestate
                .filter(|state| !state.is_empty())
                .map(str::parse)
                .transpose()?,
        })
    }

    /// The value of the `traceparent` header.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        &self.traceparent.0
    }

    /// The value of the `tracestate` header.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_ref().map(|state| state.0.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Traceparent(String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Tracestate(String);

impl FromStr for Traceparent {
    type Err = TraceContextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = |part: &str, length: usize| {
            part.len() == length
                && part
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
        let parts: Vec<&str> = text.splitn(5, '-').collect();
        match parts.as_slice() {
            [version, trace, parent, flags]
                if hex(version, 2)
                    && *version != "ff"
                    && hex(trace, 32)
                    && !zero(trace)
                    && hex(parent, 16)
                    && !zero(parent)
                    && hex(flags, 2) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(TraceContextError::Traceparent),
        }
    }
}

impl FromStr for Tracestate {
    type Err = TraceContextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= 512 && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TraceContextError::Tracestate)
        }
    }
}

macro_rules! through_string {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = TraceContextError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
    };
}

through_string!(Traceparent);
through_string!(Tracestate);

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_the_standard_allows_is_kept_as_it_is() {
        let state = "a".repeat(512);
        let trace = TraceContext::new(PARENT, Some(&state)).unwrap();
        assert_eq!(trace.traceparent(), PARENT);
        assert_eq!(trace.tracestate(), Some(state.as_str()));
        let trace = TraceContext::new(PARENT, Some("")).unwrap();
        assert_eq!(trace.tracestate(), None);
    }

    #[test]
    fn a_traceparent_of_another_form_is_refused() {
        for (from, to) in [
            ("00-4b", "ff-4b"),
            ("00-4b", "00-4B"),
            ("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            ("00f067aa0ba902b7", &"0".repeat(16)),
            ("-01", "-1"),
            ("-01", "-01-x"),
            ("-01", "-01\n"),
            (PARENT, ""),
        ] {
            let error = TraceContext::new(&PARENT.replace(from, to), None).unwrap_err();
            assert_eq!(error, TraceContextError::Traceparent, "{from} as {to:?}");
        }
    }

    #[test]
    fn a_tracestate_that_is_too_long_or_not_printable_is_refused() {
        for state in ["a".repeat(513), "a=1\r\nb: 2".to_owned(), "a=ä".to_owned()] {
            let error = TraceContext::new(PARENT, Some(&state)).unwrap_err();
            assert_eq!(error, TraceContextError::Tracestate);
        }
    }
}
