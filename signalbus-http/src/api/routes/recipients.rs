use axum::Json as Out;
use http::StatusCode;
use signalbus_core::directory::{Kept, RecipientProfile};

use crate::api::{
    input::{Json, Match, Name, Params},
    problem::{Answer, Problem},
    tenancy::{Admin, By},
    words::{PageQuery, ProfileIn, ProfileList, ProfileOut},
};

/// The recipients of this tenant.
#[utoipa::path(
    get,
    path = "/v1/recipients",
    tag = "recipients",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of recipients", body = ProfileList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn list(
    by: By<Admin>,
    Params(query): Params<PageQuery>,
) -> Answer<Out<ProfileList>> {
    let page = by.tenancy.name_page(query)?;
    let limit = page.limit;
    Ok(Out(ProfileList::of(
        by.tenancy.documents(page).await?,
        limit,
    )))
}

/// One recipient of this tenant.
#[utoipa::path(
    get,
    path = "/v1/recipients/{id}",
    tag = "recipients",
    params(("id" = String, Path, description = "The application's own id")),
    responses(
        (status = 200, description = "The recipient", body = ProfileOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn recipient(by: By<Admin>, Name(id): Name) -> Answer<Out<ProfileOut>> {
    Ok(Out(ProfileOut::of(by.tenancy.document(&id).await?)))
}

/// Make a recipient, or change one. Addresses are checked by their channels.
#[utoipa::path(
    put,
    path = "/v1/recipients/{id}",
    tag = "recipients",
    params(
        ("id" = String, Path, description = "The application's own id"),
        ("If-Match" = Option<String>, Header, description = "Only when it has this revision"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only when it is not there"),
    ),
    request_body = ProfileIn,
    responses(
        (status = 200, description = "The recipient", body = ProfileOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn put(
    by: By<Admin>,
    Name(id): Name,
    expect: Match,
    Json(asked): Json<ProfileIn>,
) -> Answer<Out<ProfileOut>> {
    let profile = by.tenancy.check_recipient(asked)?;
    by.tenancy
        .put(&id, expect, &profile, "recipient.changed")
        .await?;
    let kept: Kept<RecipientProfile> = by.tenancy.document(&id).await?;
    Ok(Out(ProfileOut::of(kept)))
}

/// Forget a recipient. What was sent to them stays in the store until it is purged.
#[utoipa::path(
    delete,
    path = "/v1/recipients/{id}",
    tag = "recipients",
    params(
        ("id" = String, Path, description = "The application's own id"),
        ("If-Match" = Option<String>, Header, description = "Only when it has this revision"),
    ),
    responses(
        (status = 204, description = "They are forgotten"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn remove(by: By<Admin>, Name(id): Name, expect: Match) -> Answer<StatusCode> {
    by.tenancy
        .remove::<RecipientProfile>(&id, expect, "recipient.removed")
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
