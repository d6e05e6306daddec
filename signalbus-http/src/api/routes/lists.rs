use axum::Json as Out;
use signalbus_core::store::{PageToken, Position};

use crate::api::{
    input::Params,
    problem::{Answer, Problem},
    tenancy::{By, Read},
    words::{
        DeliveryList, DeliveryQuery, EventList, LineKind, LineList, LineQuery, SuppressionList,
        SuppressionQuery, parse_number, place,
    },
};

/// Events with a delivery that matches, oldest first.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    params(DeliveryQuery),
    responses(
        (status = 200, description = "A page of events", body = EventList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn events(
    by: By<Read>,
    Params(query): Params<DeliveryQuery>,
) -> Answer<Out<EventList>> {
    let limit = by.tenancy.page_limit(query.limit)?;
    let after = place(query.after.as_deref())?;
    let filter = query.filter(by.tenancy.tenant())?;
    Ok(Out(by.tenancy.events(filter, after, limit).await?))
}

/// Deliveries that ended badly and can be redriven, oldest first: those that are `dead`, or in another such
/// `state`.
#[utoipa::path(
    get,
    path = "/v1/dead-letters",
    tag = "deliveries",
    params(DeliveryQuery),
    responses(
        (status = 200, description = "A page of deliveries", body = DeliveryList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn dead_letters(
    by: By<Read>,
    Params(query): Params<DeliveryQuery>,
) -> Answer<Out<DeliveryList>> {
    let query = query.of_the_dead()?;
    let after = query.after.as_deref().map(parse_number).transpose()?;
    let page = PageToken {
        after: after.map(Position),
        limit: by.tenancy.page_limit(query.limit)?,
    };
    let filter = query.filter(by.tenancy.tenant())?;
    Ok(Out(DeliveryList::of(
        by.tenancy.deliveries(filter, page).await?,
    )))
}

/// Attempts to send, by the acceptance of their deliveries.
#[utoipa::path(
    get,
    path = "/v1/attempts",
    tag = "deliveries",
    params(LineQuery),
    responses(
        (status = 200, description = "A page of attempts", body = LineList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn attempts(
    by: By<Read>,
    Params(query): Params<LineQuery>,
) -> Answer<Out<LineList>> {
    lines(by, query, LineKind::Attempt).await
}

/// What providers said later, by the acceptance of the deliveries. A receipt whose message is not known yet is
/// not among them.
#[utoipa::path(
    get,
    path = "/v1/receipts",
    tag = "deliveries",
    params(LineQuery),
    responses(
        (status = 200, description = "A page of receipts", body = LineList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn receipts(
    by: By<Read>,
    Params(query): Params<LineQuery>,
) -> Answer<Out<LineList>> {
    lines(by, query, LineKind::Receipt).await
}

async fn lines(by: By<Read>, query: LineQuery, kind: LineKind) -> Answer<Out<LineList>> {
    let limit = by.tenancy.page_limit(query.limit)?;
    let after = place(query.after.as_deref())?;
    let filter = query.filter(kind, by.tenancy.tenant())?;
    Ok(Out(by.tenancy.lines(filter, after, limit).await?))
}

/// The suppression list of this tenant. Of one address ask `POST /v1/suppressions/check`.
#[utoipa::path(
    get,
    path = "/v1/suppressions",
    tag = "operate",
    params(SuppressionQuery),
    responses(
        (status = 200, description = "A page of the list", body = SuppressionList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn suppressions(
    by: By<Read>,
    Params(query): Params<SuppressionQuery>,
) -> Answer<Out<SuppressionList>> {
    Ok(Out(by.tenancy.suppressions(&query).await?))
}
