//! The handlers. Each says in its signature which scope it needs.

mod accounts;
mod deliveries;
mod events;
mod health;
mod keys;
mod lists;
mod operate;
mod pauses;
mod receipts;
mod recipients;
mod searches;
mod templates;
mod tenants;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    document::name_operations,
    problem::{Problem, Wrong},
    tenancy::ApiState,
};

/// What takes events, with its document.
pub(crate) fn intake() -> OpenApiRouter<ApiState> {
    let routes = OpenApiRouter::new()
        .routes(routes!(events::publish))
        .routes(routes!(events::publish_to))
        .routes(routes!(events::plan));
    named(routes)
}

/// All routes, with their document.
pub(crate) fn all() -> OpenApiRouter<ApiState> {
    let routes = OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(events::publish, lists::events))
        .routes(routes!(events::publish_to))
        .routes(routes!(events::plan))
        .routes(routes!(events::event))
        .routes(routes!(operate::cancel_event))
        .routes(routes!(deliveries::list))
        .routes(routes!(lists::dead_letters))
        .routes(routes!(lists::attempts))
        .routes(routes!(deliveries::search))
        .routes(routes!(searches::events))
        .routes(routes!(searches::attempts))
        .routes(routes!(searches::receipts))
        .routes(routes!(deliveries::delivery))
        .routes(routes!(operate::cancel_delivery))
        .routes(routes!(receipts::record, lists::receipts))
        .routes(routes!(operate::redrive))
        .routes(routes!(operate::suppress, lists::suppressions))
        .routes(routes!(operate::unsuppress))
        .routes(routes!(operate::suppressed))
        .routes(routes!(pauses::list, pauses::begin))
        .routes(routes!(pauses::end))
        .routes(routes!(pauses::host_list, pauses::host_begin))
        .routes(routes!(pauses::host_end))
        .routes(routes!(keys::list, keys::issue))
        .routes(routes!(keys::key))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::revoke))
        .routes(routes!(tenants::list))
        .routes(routes!(tenants::tenant, tenants::put))
        .routes(routes!(tenants::usage))
        .routes(routes!(tenants::audit))
        .routes(routes!(tenants::host_audit))
        .routes(routes!(recipients::list))
        .routes(routes!(recipients::erase))
        .routes(routes!(
            recipients::recipient,
            recipients::put,
            recipients::remove
        ))
        .routes(routes!(templates::list))
        .routes(routes!(templates::template))
        .routes(routes!(templates::add))
        .routes(routes!(templates::publish))
        .routes(routes!(templates::withdraw))
        .routes(routes!(templates::preview))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::account, accounts::put, accounts::remove));
    named(routes)
}

fn named(mut routes: OpenApiRouter<ApiState>) -> OpenApiRouter<ApiState> {
    name_operations(routes.get_openapi_mut());
    routes
}

/// Nothing has this path.
pub(crate) async fn nowhere() -> Problem {
    Problem::new(
        Wrong::NotFound,
        "nothing has this path: look at /openapi.json",
    )
}

/// Something has this path, but not with this method.
pub(crate) async fn not_so() -> Problem {
    Problem::new(
        Wrong::Method,
        "this path takes other methods: look at /openapi.json",
    )
}
