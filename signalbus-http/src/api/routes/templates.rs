use axum::Json as Out;
use http::StatusCode;

use super::events::filled;
use crate::api::{
    input::{Json, Name, Params},
    problem::{Answer, Problem},
    tenancy::{Admin, By},
    words::{PageQuery, PreviewIn, PreviewOut, PublishIn, SourcesIn, TemplateList, TemplateOut},
};

/// The templates of this tenant, without their sources. Those of the host are not among them.
#[utoipa::path(
    get,
    path = "/v1/templates",
    tag = "templates",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of templates", body = TemplateList),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn list(
    by: By<Admin>,
    Params(query): Params<PageQuery>,
) -> Answer<Out<TemplateList>> {
    let page = by.tenancy.name_page(query)?;
    let limit = page.limit;
    Ok(Out(TemplateList::of(
        by.tenancy.documents(page).await?,
        limit,
    )))
}

/// One template of this tenant, with all its versions.
#[utoipa::path(
    get,
    path = "/v1/templates/{name}",
    tag = "templates",
    params(("name" = String, Path, description = "The template")),
    responses(
        (status = 200, description = "The template", body = TemplateOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn template(by: By<Admin>, Name(name): Name) -> Answer<Out<TemplateOut>> {
    Ok(Out(TemplateOut::of(
        by.tenancy.document(&name).await?,
        true,
    )))
}

/// Add a version. It is checked, and not used before it is published.
#[utoipa::path(
    post,
    path = "/v1/templates/{name}/versions",
    tag = "templates",
    params(("name" = String, Path, description = "The template")),
    request_body = SourcesIn,
    responses(
        (status = 201, description = "The template with the new version as its last", body = TemplateOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn add(
    by: By<Admin>,
    Name(name): Name,
    Json(asked): Json<SourcesIn>,
) -> Answer<(StatusCode, Out<TemplateOut>)> {
    let kept = by.tenancy.add_version(&name, asked.sources).await?;
    Ok((StatusCode::CREATED, Out(TemplateOut::of(kept, false))))
}

/// Use a version from now on: a newer one, or an older one to roll back.
#[utoipa::path(
    post,
    path = "/v1/templates/{name}/publish",
    tag = "templates",
    params(("name" = String, Path, description = "The template")),
    request_body = PublishIn,
    responses(
        (status = 200, description = "The template", body = TemplateOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn publish(
    by: By<Admin>,
    Name(name): Name,
    Json(asked): Json<PublishIn>,
) -> Answer<Out<TemplateOut>> {
    let kept = by
        .tenancy
        .publish_version(&name, Some(asked.version))
        .await?;
    Ok(Out(TemplateOut::of(kept, false)))
}

/// Use the host's template of this name again.
#[utoipa::path(
    post,
    path = "/v1/templates/{name}/withdraw",
    tag = "templates",
    params(("name" = String, Path, description = "The template")),
    responses(
        (status = 200, description = "The template", body = TemplateOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn withdraw(by: By<Admin>, Name(name): Name) -> Answer<Out<TemplateOut>> {
    let kept = by.tenancy.publish_version(&name, None).await?;
    Ok(Out(TemplateOut::of(kept, false)))
}

/// The messages that an event would give with a version. Nothing is stored or sent.
#[utoipa::path(
    post,
    path = "/v1/templates/{name}/preview",
    tag = "templates",
    params(("name" = String, Path, description = "The template")),
    request_body = PreviewIn,
    responses(
        (status = 200, description = "The messages", body = PreviewOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["admin"]))
)]
pub(crate) async fn preview(
    by: By<Admin>,
    Name(name): Name,
    Json(asked): Json<PreviewIn>,
) -> Answer<Out<PreviewOut>> {
    let event = filled(&by.tenancy, asked.event).await?;
    let event = event.into_planned(by.tenancy.tenant())?;
    let messages = by.tenancy.preview(&name, asked.version, event).await?;
    Ok(Out(PreviewOut::of(messages)))
}
