use axum::Json as Out;
use http::StatusCode;
use signalbus_core::{
    DeliveryId, EventId,
    store::{CancelTarget, Cause},
};

use crate::api::{
    input::{Id, Json},
    problem::{Answer, Problem},
    tenancy::{By, Operate, Read},
    words::{
        CancelOut, RedriveIn, RedriveOut, SuppressionIn, SuppressionKey, SuppressionOut,
        UnsuppressOut, short,
    },
};

/// Call off what was not sent yet of an event.
#[utoipa::path(
    post,
    path = "/v1/events/{id}/cancel",
    tag = "operate",
    params(("id" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, description = "What became of each delivery", body = CancelOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["operate"]))
)]
pub(crate) async fn cancel_event(by: By<Operate>, Id(id): Id<EventId>) -> Answer<Out<CancelOut>> {
    let cancelled = by.tenancy.cancel(CancelTarget::Event(id)).await?;
    Ok(Out(CancelOut::of(cancelled)))
}

/// Call off one delivery, if it was not sent yet.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/cancel",
    tag = "operate",
    params(("id" = Uuid, Path, description = "The delivery")),
    responses(
        (status = 200, description = "What became of it", body = CancelOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["operate"]))
)]
pub(crate) async fn cancel_delivery(
    by: By<Operate>,
    Id(id): Id<DeliveryId>,
) -> Answer<Out<CancelOut>> {
    let cancelled = by.tenancy.cancel(CancelTarget::Delivery(id)).await?;
    Ok(Out(CancelOut::of(cancelled)))
}

/// Give ended deliveries a new generation. Only counts them, unless `dry_run` is false.
#[utoipa::path(
    post,
    path = "/v1/redrives",
    tag = "operate",
    request_body = RedriveIn,
    responses(
        (status = 200, description = "What was done, or would be", body = RedriveOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["operate"]))
)]
pub(crate) async fn redrive(
    by: By<Operate>,
    Json(asked): Json<RedriveIn>,
) -> Answer<Out<RedriveOut>> {
    let dry_run = asked.dry_run();
    let redriven = by.tenancy.redrive(asked).await?;
    Ok(Out(RedriveOut::of(redriven, dry_run)))
}

/// Put an address on the suppression list: nothing is sent to it any more, or nothing of a kind.
#[utoipa::path(
    post,
    path = "/v1/suppressions",
    tag = "operate",
    request_body = SuppressionIn,
    responses(
        (status = 204, description = "It is on the list"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["operate"]))
)]
pub(crate) async fn suppress(
    by: By<Operate>,
    Json(asked): Json<SuppressionIn>,
) -> Answer<StatusCode> {
    let cause = short(asked.cause.as_deref(), "cause")?;
    let cause = cause.map_or(Cause::Manual, Cause::from);
    let scope = asked.scope()?;
    by.tenancy
        .suppress(&asked.channel, &asked.address, cause, scope)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take an entry off the suppression list. The address stands in the body, as paths are logged.
#[utoipa::path(
    post,
    path = "/v1/suppressions/remove",
    tag = "operate",
    request_body = SuppressionKey,
    responses(
        (status = 200, description = "Whether it was on the list", body = UnsuppressOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["operate"]))
)]
pub(crate) async fn unsuppress(
    by: By<Operate>,
    Json(asked): Json<SuppressionKey>,
) -> Answer<Out<UnsuppressOut>> {
    let scope = asked.scope()?;
    let removed = by
        .tenancy
        .unsuppress(&asked.channel, &asked.address, scope)
        .await?;
    Ok(Out(UnsuppressOut { removed }))
}

/// Say what stands against a message to an address. The address stands in the body, as paths are
/// logged.
#[utoipa::path(
    post,
    path = "/v1/suppressions/check",
    tag = "operate",
    request_body = SuppressionKey,
    responses(
        (status = 200, description = "The gravest entry, if there is one", body = SuppressionOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn suppressed(
    by: By<Read>,
    Json(asked): Json<SuppressionKey>,
) -> Answer<Out<SuppressionOut>> {
    let scope = asked.scope()?;
    let entry = by
        .tenancy
        .suppressed(&asked.channel, &asked.address, scope)
        .await?;
    Ok(Out(SuppressionOut::of(entry)))
}
