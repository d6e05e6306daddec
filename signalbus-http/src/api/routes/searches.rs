//! What went to one address: it stands in the body, as paths are logged.

use axum::Json as Out;

use crate::api::{
    input::Json,
    problem::{Answer, Problem},
    tenancy::{By, Read},
    words::{AddressSearch, EventList, LineKind, LineList, LineSearch, place},
};

/// Events with a delivery to one address, oldest first. The address stands in the body, as paths are logged.
#[utoipa::path(
    post,
    path = "/v1/events/search",
    tag = "events",
    request_body = AddressSearch,
    responses(
        (status = 200, description = "A page of events", body = EventList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn events(
    by: By<Read>,
    Json(asked): Json<AddressSearch>,
) -> Answer<Out<EventList>> {
    let limit = by.tenancy.page_limit(asked.limit)?;
    let after = place(asked.after.as_deref())?;
    let filter = by
        .tenancy
        .to(&asked.channel, &asked.address, asked.filter()?)?;
    Ok(Out(by.tenancy.events(filter, after, limit).await?))
}

/// Attempts to send to one address, by the acceptance of their deliveries. The address stands in the body, as
/// paths are logged.
#[utoipa::path(
    post,
    path = "/v1/attempts/search",
    tag = "deliveries",
    request_body = LineSearch,
    responses(
        (status = 200, description = "A page of attempts", body = LineList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn attempts(by: By<Read>, Json(asked): Json<LineSearch>) -> Answer<Out<LineList>> {
    lines(by, asked, LineKind::Attempt).await
}

/// What providers said later of what went to one address, by the acceptance of the deliveries. The address stands in the
/// body, as paths are logged.
#[utoipa::path(
    post,
    path = "/v1/receipts/search",
    tag = "deliveries",
    request_body = LineSearch,
    responses(
        (status = 200, description = "A page of receipts", body = LineList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn receipts(by: By<Read>, Json(asked): Json<LineSearch>) -> Answer<Out<LineList>> {
    lines(by, asked, LineKind::Receipt).await
}

async fn lines(by: By<Read>, asked: LineSearch, kind: LineKind) -> Answer<Out<LineList>> {
    let limit = by.tenancy.page_limit(asked.limit)?;
    let after = place(asked.after.as_deref())?;
    let mut filter = asked.filter(kind)?;
    filter.deliveries = by
        .tenancy
        .to(&asked.channel, &asked.address, filter.deliveries)?;
    Ok(Out(by.tenancy.lines(filter, after, limit).await?))
}
