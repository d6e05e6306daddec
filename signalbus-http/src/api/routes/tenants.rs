use axum::Json as Out;
use signalbus_core::{
    TenantId,
    directory::{Kept, TenantProfile},
};

use crate::api::{
    input::{Json, Match, Name, Params},
    problem::{Answer, Problem, Wrong},
    tenancy::{Admin, By, ByHost, Read},
    words::{
        PageQuery, TenantIn, TenantList, TenantOut, TrailList, TrailQuery, UsageLine, UsageOut,
        short,
    },
};

/// The tenants. For keys of the host.
#[utoipa::path(
    get,
    path = "/v1/tenants",
    tag = "tenants",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of tenants", body = TenantList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn list(
    ByHost(host): ByHost,
    Params(query): Params<PageQuery>,
) -> Answer<Out<TenantList>> {
    let page = host.name_page(query)?;
    let limit = page.limit;
    Ok(Out(TenantList::of(host.documents(page).await?, limit)))
}

/// One tenant. For keys of the host.
#[utoipa::path(
    get,
    path = "/v1/tenants/{id}",
    tag = "tenants",
    params(("id" = String, Path, description = "The tenant")),
    responses(
        (status = 200, description = "The tenant", body = TenantOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn tenant(ByHost(host): ByHost, Name(id): Name) -> Answer<Out<TenantOut>> {
    Ok(Out(TenantOut::of(host.document(&id).await?)))
}

/// Make a tenant, or change one. For keys of the host.
#[utoipa::path(
    put,
    path = "/v1/tenants/{id}",
    tag = "tenants",
    params(
        ("id" = String, Path, description = "The tenant: at most 64 of a-z, A-Z, 0-9, '.', '_', '-'"),
        ("If-Match" = Option<String>, Header, description = "Only when it has this revision"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only when it is not there"),
    ),
    request_body = TenantIn,
    responses(
        (status = 200, description = "The tenant", body = TenantOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn put(
    ByHost(host): ByHost,
    Name(id): Name,
    expect: Match,
    Json(asked): Json<TenantIn>,
) -> Answer<Out<TenantOut>> {
    let id = TenantId::new(id)
        .map_err(|error| Problem::new(Wrong::Invalid, error.to_string()).field("id"))?;
    let label = short(asked.label.as_deref(), "label")?;
    let profile = asked.into_profile(label);
    host.put(id.as_str(), expect, &profile, "tenant.changed")
        .await?;
    let kept: Kept<TenantProfile> = host.document(id.as_str()).await?;
    Ok(Out(TenantOut::of(kept)))
}

/// What this tenant may send, and what is left of it.
#[utoipa::path(
    get,
    path = "/v1/usage",
    tag = "tenants",
    responses(
        (status = 200, description = "The quotas", body = UsageOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn usage(by: By<Read>) -> Answer<Out<UsageOut>> {
    let quotas = by
        .tenancy
        .usage()
        .await?
        .into_iter()
        .map(|usage| UsageLine {
            span: usage.span,
            limit: usage.limit,
            used: usage.used,
            left: usage.limit.saturating_sub(usage.used),
            ends_at: usage.ends_at,
        });
    Ok(Out(UsageOut {
        quotas: quotas.collect(),
    }))
}

/// Who did what to the things of this tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/audit",
    tag = "tenants",
    params(TrailQuery),
    responses(
        (status = 200, description = "A page of lines", body = TrailList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn audit(
    by: By<Admin>,
    Params(query): Params<TrailQuery>,
) -> Answer<Out<TrailList>> {
    let limit = by.tenancy.page_limit(query.limit)?;
    let lines = by.tenancy.trail(query.filter(limit)?).await?;
    Ok(Out(TrailList::of(lines, limit)))
}

/// Who did what to the things of the host, newest first. For keys of the host.
#[utoipa::path(
    get,
    path = "/v1/host/audit",
    tag = "tenants",
    params(TrailQuery),
    responses(
        (status = 200, description = "A page of lines", body = TrailList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn host_audit(
    ByHost(host): ByHost,
    Params(query): Params<TrailQuery>,
) -> Answer<Out<TrailList>> {
    let limit = host.page_limit(query.limit)?;
    let lines = host.trail(query.filter(limit)?).await?;
    Ok(Out(TrailList::of(lines, limit)))
}
