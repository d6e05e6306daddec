use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::HeaderValue;
use signalbus_core::{Clock, Entropy};
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::{ClientAddress, Notes, Proxies, metrics, request_id};
use crate::{
    api::{
        input::trace_of,
        problem::{Problem, Wrong},
    },
    serve::Peer,
};

/// What attends to requests.
#[derive(Clone)]
pub(crate) struct Attendant {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) time: Duration,
    /// Who may say for whom they ask; none when nobody wants to know who asks.
    pub(crate) proxies: Option<Proxies>,
}

/// Answers a request whatever happens: too many at a time, too slow, or a panic.
pub(crate) async fn attend(
    State(attendant): State<Attendant>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = attendant.clock.monotonic();
    let id = request_id::of(request.headers(), &attendant.entropy);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let trace = trace_of(request.headers());
    let notes = Notes::default();
    request.extensions_mut().insert(notes.clone());
    let span = tracing::info_span!(
        "http",
        request.id = id,
        http.route = route,
        %method,
        client.address = tracing::field::Empty,
    );
    if let Some(client) = attendant.client(&request) {
        span.record("client.address", tracing::field::display(client));
        request.extensions_mut().insert(ClientAddress(client));
    }
    let mut response = answer(&attendant, request, next).instrument(span).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        problem.instance(&id).write_into(&mut response);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id.as_str()) {
        headers.insert(request_id::HEADER, id);
    }
    if let Some(trace) = trace
        && let Ok(parent) = HeaderValue::try_from(trace.traceparent())
    {
        headers.insert("traceparent", parent);
    }
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    notes.write_into(headers);
    let took = attendant.clock.monotonic().saturating_sub(began);
    metrics::answered(&route, &method, response.status().as_u16(), took);
    response
}

impl Attendant {
    /// Who asks, where that is wanted and known.
    fn client(&self, request: &Request) -> Option<IpAddr> {
        let proxies = self.proxies.as_ref()?;
        let Peer(peer) = request.extensions().get::<Peer>()?;
        Some(proxies.client(peer.ip(), request.headers()))
    }
}

async fn answer(attendant: &Attendant, request: Request, next: Next) -> Response {
    let Ok(_place) = attendant.places.try_acquire() else {
        return Problem::new(Wrong::Busy, "too many requests at a time: try again")
            .retry_after(Duration::from_secs(1))
            .into_response();
    };
    let run = AssertUnwindSafe(next.run(request)).catch_unwind();
    tokio::select! {
        biased;
        response = run => response.unwrap_or_else(|_| {
            tracing::error!("a handler panicked");
            Problem::new(
                Wrong::Internal,
                "a fault of this program, which is in its log: tell the operator",
            )
            .into_response()
        }),
        () = attendant.clock.sleep(attendant.time) => Problem::new(
            Wrong::Timeout,
            "the answer took too long: try again, with the same idempotency key",
        )
        .retry_after(Duration::from_secs(2))
        .into_response(),
    }
}
