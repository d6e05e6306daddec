use axum::Json as Out;
use http::StatusCode;
use signalbus_core::directory::{Kept, RecipientProfile};

use crate::api::{
    input::{Json, Match, Name, Params},
    problem::{Answer, Problem},
    tenancy::{Admin, By},
    words::{EraseIn, EraseOut, PageQuery, ProfileIn, ProfileList, ProfileOut},
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

/// Forget a recipient of the directory. What was sent to them stays in the store: `POST /v1/erasures`
/// forgets that, too.
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

/// Forget who somebody is and what was sent to them, over all that is kept; that it was sent stays. What is
/// open is called off. Addresses stand in the body, as paths are logged. The suppression list stays, hashed,
/// so that nobody is written to again. Repeat it after an error.
#[utoipa::path(
    post,
    path = "/v1/erasures",
    tag = "recipients",
    request_body = EraseIn,
    responses(
        (status = 200, description = "What was forgotten", body = EraseOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn erase(by: By<Admin>, Json(asked): Json<EraseIn>) -> Answer<Out<EraseOut>> {
    let (erased, profile) = by.tenancy.erase(asked).await?;
    Ok(Out(EraseOut::of(erased, profile)))
}
