use axum::Json as Out;
use signalbus_core::{
    DeliveryId,
    store::{PageToken, Position},
};

use crate::api::{
    input::{Id, Json, Params},
    problem::{Answer, Problem},
    tenancy::{By, Read},
    words::{AddressSearch, DeliveryDetail, DeliveryList, DeliveryQuery, parse_number},
};

/// Deliveries that match, oldest first.
#[utoipa::path(
    get,
    path = "/v1/deliveries",
    tag = "deliveries",
    params(DeliveryQuery),
    responses(
        (status = 200, description = "A page of deliveries", body = DeliveryList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn list(
    by: By<Read>,
    Params(query): Params<DeliveryQuery>,
) -> Answer<Out<DeliveryList>> {
    let after = query.after.as_deref().map(parse_number).transpose()?;
    let page = PageToken {
        after: after.map(Position),
        limit: by.tenancy.page_limit(query.limit)?,
    };
    let page = by
        .tenancy
        .deliveries(query.filter(by.tenancy.tenant())?, page)
        .await?;
    Ok(Out(DeliveryList::of(page)))
}

/// Deliveries to one address, oldest first. The address stands in the body, as paths are logged.
#[utoipa::path(
    post,
    path = "/v1/deliveries/search",
    tag = "deliveries",
    request_body = AddressSearch,
    responses(
        (status = 200, description = "A page of deliveries", body = DeliveryList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn search(
    by: By<Read>,
    Json(asked): Json<AddressSearch>,
) -> Answer<Out<DeliveryList>> {
    let after = asked.after.as_deref().map(parse_number).transpose()?;
    let page = PageToken {
        after: after.map(Position),
        limit: by.tenancy.page_limit(asked.limit)?,
    };
    let filter = asked.filter()?;
    let found = by
        .tenancy
        .deliveries_to(&asked.channel, &asked.address, filter, page);
    Ok(Out(DeliveryList::of(found.await?)))
}

/// One delivery: where it is, what happened to it, and why.
#[utoipa::path(
    get,
    path = "/v1/deliveries/{id}",
    tag = "deliveries",
    params(("id" = Uuid, Path, description = "The delivery")),
    responses(
        (status = 200, description = "The delivery", body = DeliveryDetail),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn delivery(by: By<Read>, Id(id): Id<DeliveryId>) -> Answer<Out<DeliveryDetail>> {
    let (record, history, story) = by.tenancy.delivery(id).await?;
    Ok(Out(DeliveryDetail::of(record, history, story)))
}
