use axum::Json as Out;
use http::StatusCode;
use signalbus_core::directory::{Kept, ProviderAccount};

use crate::api::{
    input::{Json, Match, Name, Params},
    problem::{Answer, Problem},
    tenancy::{Admin, By},
    words::{AccountIn, AccountList, AccountOut, PageQuery, short},
};

/// The accounts of this tenant at providers, without what is secret.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    tag = "accounts",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of accounts", body = AccountList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn list(
    by: By<Admin>,
    Params(query): Params<PageQuery>,
) -> Answer<Out<AccountList>> {
    let page = by.tenancy.name_page(query)?;
    let limit = page.limit;
    Ok(Out(AccountList::of(
        by.tenancy.documents(page).await?,
        limit,
    )))
}

/// One account of this tenant, without what is secret.
#[utoipa::path(
    get,
    path = "/v1/accounts/{name}",
    tag = "accounts",
    params(("name" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = AccountOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn account(by: By<Admin>, Name(name): Name) -> Answer<Out<AccountOut>> {
    Ok(Out(AccountOut::of(by.tenancy.document(&name).await?)))
}

/// Seal an account and keep it. Its host must be one of the internet.
#[utoipa::path(
    put,
    path = "/v1/accounts/{name}",
    tag = "accounts",
    params(
        ("name" = String, Path, description = "The account"),
        ("If-Match" = Option<String>, Header, description = "Only when it has this revision"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only when it is not there"),
    ),
    request_body = AccountIn,
    responses(
        (status = 200, description = "The account", body = AccountOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn put(
    by: By<Admin>,
    Name(name): Name,
    expect: Match,
    Json(asked): Json<AccountIn>,
) -> Answer<Out<AccountOut>> {
    short(Some(&asked.channel), "channel")?;
    short(Some(&asked.provider), "provider")?;
    by.tenancy.put_account(&name, expect, asked).await?;
    let kept: Kept<ProviderAccount> = by.tenancy.document(&name).await?;
    Ok(Out(AccountOut::of(kept)))
}

/// Forget an account.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{name}",
    tag = "accounts",
    params(
        ("name" = String, Path, description = "The account"),
        ("If-Match" = Option<String>, Header, description = "Only when it has this revision"),
    ),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn remove(by: By<Admin>, Name(name): Name, expect: Match) -> Answer<StatusCode> {
    by.tenancy
        .remove::<ProviderAccount>(&name, expect, "account.removed")
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
