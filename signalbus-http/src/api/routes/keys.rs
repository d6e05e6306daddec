use std::time::Duration;

use axum::Json as Out;
use http::StatusCode;

use crate::api::{
    input::{Json, Name, Params},
    problem::{Answer, Problem, Wrong},
    tenancy::{Admin, By},
    words::{KeyIn, KeyList, KeyMade, KeyOut, PageQuery, RotateIn},
};

const DAY: u32 = 86_400;
const LONGEST_OVERLAP: u32 = 30 * DAY;

/// The keys of this tenant.
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of keys", body = KeyList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn list(by: By<Admin>, Params(query): Params<PageQuery>) -> Answer<Out<KeyList>> {
    let page = by.tenancy.name_page(query)?;
    let limit = page.limit;
    Ok(Out(KeyList::of(by.tenancy.keys(page).await?, limit)))
}

/// Make a key of this tenant. It is shown here and never again.
#[utoipa::path(
    post,
    path = "/v1/keys",
    tag = "keys",
    request_body = KeyIn,
    responses(
        (status = 201, description = "The key", body = KeyMade),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn issue(
    by: By<Admin>,
    Json(asked): Json<KeyIn>,
) -> Answer<(StatusCode, Out<KeyMade>)> {
    let (token, record) = by.tenancy.issue_key(asked).await?;
    Ok((StatusCode::CREATED, Out(KeyMade::of(&token, record))))
}

/// One key of this tenant.
#[utoipa::path(
    get,
    path = "/v1/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The public part of the key")),
    responses(
        (status = 200, description = "What is known of it", body = KeyOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn key(by: By<Admin>, Name(id): Name) -> Answer<Out<KeyOut>> {
    Ok(Out(KeyOut::of(by.tenancy.key(&id).await?)))
}

/// Make a new key in the place of this one, which stays good for a while.
#[utoipa::path(
    post,
    path = "/v1/keys/{id}/rotate",
    tag = "keys",
    params(("id" = String, Path, description = "The public part of the key")),
    request_body = RotateIn,
    responses(
        (status = 201, description = "The new key", body = KeyMade),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn rotate(
    by: By<Admin>,
    Name(id): Name,
    Json(asked): Json<RotateIn>,
) -> Answer<(StatusCode, Out<KeyMade>)> {
    let seconds = asked.overlap_seconds.unwrap_or(DAY);
    if seconds > LONGEST_OVERLAP {
        return Err(
            Problem::new(Wrong::Invalid, "must be at most 30 days, 2592000")
                .field("overlap_seconds"),
        );
    }
    let overlap = Duration::from_secs(u64::from(seconds));
    let (token, record) = by.tenancy.rotate_key(&id, overlap).await?;
    Ok((StatusCode::CREATED, Out(KeyMade::of(&token, record))))
}

/// Refuse a key from now on.
#[utoipa::path(
    post,
    path = "/v1/keys/{id}/revoke",
    tag = "keys",
    params(("id" = String, Path, description = "The public part of the key")),
    responses(
        (status = 200, description = "What is known of it", body = KeyOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn revoke(by: By<Admin>, Name(id): Name) -> Answer<Out<KeyOut>> {
    Ok(Out(KeyOut::of(by.tenancy.revoke_key(&id).await?)))
}
