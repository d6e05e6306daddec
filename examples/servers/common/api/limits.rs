//! How often a caller may ask each route: in this process, or in all that share a Redis server.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use signalbus::{
    Limiter,
    limit::{Ask, Limit, LimitKey, MemoryLimiter, Slots},
};

use super::{
    Api,
    answer::{limiter_away, too_often},
    attend::rejected,
    caller::Correlation,
};

const MINUTE: Duration = Duration::from_secs(60);

/// The one key of the settings.
const CALLER: &str = "api";

/// One limit for each route.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    limiter: Arc<dyn Limiter>,
    per_minute: u32,
    limit: Limit,
}

impl Limits {
    /// A sixth of what may come in a minute may come at once.
    pub(super) fn new(shared: Option<Arc<dyn Limiter>>, per_minute: u32) -> Self {
        Self {
            limiter: shared.unwrap_or_else(|| Arc::new(MemoryLimiter::new())),
            per_minute,
            limit: Limit::per(per_minute, MINUTE).with_burst((per_minute / 6).max(1)),
        }
    }

    fn write_into(&self, headers: &mut HeaderMap, slots: Slots) {
        let left = format!(
            "\"key\";r={};t={}",
            slots.left(),
            slots.full_in().as_secs() + 1
        );
        let policy = format!("\"key\";q={};w={}", self.per_minute, MINUTE.as_secs());
        for (name, value) in [("ratelimit", left), ("ratelimit-policy", policy)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

/// Lets a request through that does not come too often; says in each answer how many more may come, as in
/// version 10 of the draft `draft-ietf-httpapi-ratelimit-headers`.
pub(super) async fn check(
    State(api): State<Api>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let correlation = request.extensions().get::<Correlation>().cloned();
    let correlation = correlation.unwrap_or_else(|| Correlation(String::new()));
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let ask = Ask::now(LimitKey::route(CALLER, route), api.limits.limit);
    let slots = match api.limits.limiter.take(vec![ask]).await {
        Ok(slots) => slots.first().copied(),
        Err(error) => {
            tracing::warn!(%error, "the limiter does not answer");
            None
        }
    };
    // Without an answer nothing is let through: never an unlimited rate.
    let Some(slots) = slots else {
        return limiter_away(&correlation);
    };
    let mut answer = if slots.granted() == 0 {
        let wait = slots.wait(0);
        rejected(route);
        let mut answer = too_often(&correlation);
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        answer
    } else {
        next.run(request).await
    };
    api.limits.write_into(answer.headers_mut(), slots);
    answer
}
