use axum::Json as Out;

use crate::api::{
    input::Json,
    problem::{Answer, Problem},
    tenancy::{By, ByHost, Operate, Read},
    words::{HostPauseIn, HostPauseKey, PauseBegun, PauseEnded, PauseIn, PauseKey, PauseList},
};

/// What holds messages back: the pauses of this tenant, and those of the host that touch it.
#[utoipa::path(
    get,
    path = "/v1/pauses",
    tag = "operate",
    responses(
        (status = 200, description = "All that stand, oldest first", body = PauseList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn list(by: By<Read>) -> Answer<Out<PauseList>> {
    Ok(Out(by.tenancy.pauses().await?))
}

/// Hold messages back, what waits and what comes. What was claimed before goes out.
#[utoipa::path(
    post,
    path = "/v1/pauses",
    tag = "operate",
    request_body = PauseIn,
    responses(
        (status = 200, description = "It stands", body = PauseBegun),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["operate"]))
)]
pub(crate) async fn begin(by: By<Operate>, Json(asked): Json<PauseIn>) -> Answer<Out<PauseBegun>> {
    Ok(Out(by.tenancy.pause(asked).await?))
}

/// End a pause: what it held waits to be sent again. Repeat after an error: nothing is released twice.
#[utoipa::path(
    post,
    path = "/v1/pauses/end",
    tag = "operate",
    request_body = PauseKey,
    responses(
        (status = 200, description = "What was done", body = PauseEnded),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["operate"]))
)]
pub(crate) async fn end(by: By<Operate>, Json(asked): Json<PauseKey>) -> Answer<Out<PauseEnded>> {
    Ok(Out(by.tenancy.resume(asked).await?))
}

/// All pauses. For keys of the host.
#[utoipa::path(
    get,
    path = "/v1/host/pauses",
    tag = "operate",
    responses(
        (status = 200, description = "All that stand, oldest first", body = PauseList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn host_list(ByHost(host): ByHost) -> Answer<Out<PauseList>> {
    Ok(Out(host.pauses().await?))
}

/// Hold messages of one or of all tenants back, or leave a provider alone. For keys of the host.
#[utoipa::path(
    post,
    path = "/v1/host/pauses",
    tag = "operate",
    request_body = HostPauseIn,
    responses(
        (status = 200, description = "It stands", body = PauseBegun),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn host_begin(
    ByHost(host): ByHost,
    Json(asked): Json<HostPauseIn>,
) -> Answer<Out<PauseBegun>> {
    Ok(Out(host.pause(asked).await?))
}

/// End a pause of the host, or of any tenant. For keys of the host.
#[utoipa::path(
    post,
    path = "/v1/host/pauses/end",
    tag = "operate",
    request_body = HostPauseKey,
    responses(
        (status = 200, description = "What was done", body = PauseEnded),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn host_end(
    ByHost(host): ByHost,
    Json(asked): Json<HostPauseKey>,
) -> Answer<Out<PauseEnded>> {
    Ok(Out(host.resume(asked).await?))
}
