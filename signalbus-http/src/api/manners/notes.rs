use std::sync::{Arc, Mutex, PoisonError};

use http::{HeaderMap, HeaderValue};

use super::Drawn;

/// What is learned on the way about a request and belongs into the headers of its answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Option<Drawn>>>);

impl Notes {
    /// A key drew from its rate.
    pub(crate) fn drew(&self, drawn: &Drawn) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(drawn.clone());
    }

    /// `RateLimit` and `RateLimit-Policy` as in version 10 of the IETF draft
    /// `draft-ietf-httpapi-ratelimit-headers`, which is no standard yet.
    pub(crate) fn write_into(&self, headers: &mut HeaderMap) {
        let drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(drawn) = &*drawn else {
            return;
        };
        let left = format!("\"key\";r={};t={}", drawn.left, drawn.full_in.as_secs() + 1);
        let policy = format!("\"key\";q={};w={}", drawn.quota, drawn.window.as_secs());
        for (name, value) in [("ratelimit", left), ("ratelimit-policy", policy)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}
