use axum::{Extension, extract::State};
use http::StatusCode;

use crate::api::{
    Readiness,
    problem::{Answer, Problem, Wrong},
    tenancy::ApiState,
};

/// Whether the process lives. Needs no key.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "health",
    responses((status = 204, description = "It does")),
    security(())
)]
pub(crate) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Whether requests can be taken: the engine works, the directory answers, and the process does not stop. Needs no key.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 204, description = "They can"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(())
)]
pub(crate) async fn ready(
    State(state): State<ApiState>,
    Extension(readiness): Extension<Readiness>,
) -> Answer<StatusCode> {
    if readiness.is_leaving() {
        return Err(Problem::new(
            Wrong::Unavailable,
            "this process is about to stop: ask another one",
        ));
    }
    if let Some(trouble) = state.trouble() {
        tracing::warn!(trouble, "not ready");
        return Err(Problem::new(
            Wrong::Unavailable,
            "the engine cannot do its work now: its log says why",
        ));
    }
    state.check().await?;
    Ok(StatusCode::NO_CONTENT)
}
