use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{OriginalUri, Path, Request, State},
    response::Response,
    routing::any,
};
use http::{HeaderValue, StatusCode, header};
use signalbus_core::provider::Callback;

use crate::{ReceiptIntake, Taken};

impl ReceiptIntake {
    /// A router with `/receipts/{provider}/{key}`, to be mounted where the public can reach it. It needs
    /// no sign-in: each request is verified.
    pub fn router(self) -> Router {
        Router::new()
            .route("/receipts/{provider}/{key}", any(handle))
            .with_state(Arc::new(self))
    }
}

async fn handle(
    State(intake): State<Arc<ReceiptIntake>>,
    OriginalUri(uri): OriginalUri,
    Path((provider, key)): Path<(String, String)>,
    request: Request,
) -> Response {
    // A body is read for nobody who does not know the key.
    if intake.find(&provider, &key).is_none() {
        return respond(StatusCode::NOT_FOUND, None, String::new());
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, intake.limit()).await else {
        return respond(StatusCode::PAYLOAD_TOO_LARGE, None, String::new());
    };
    let headers: Vec<(&str, &[u8])> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let callback = Callback {
        method: head.method.as_str(),
        target,
        headers: &headers,
        body: &body,
    };
    let Taken {
        status,
        content_type,
        body,
    } = intake.take(&provider, &key, &callback).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, content_type, body)
}

fn respond(status: StatusCode, content_type: Option<&'static str>, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    if let Some(content_type) = content_type {
        let value = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}
