//! The handlers. Each says in its signature which scope it needs.

mod deliveries;
mod events;
mod health;
mod keys;
mod operate;

use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    problem::{Problem, Wrong},
    tenancy::ApiState,
};

/// All routes, with their document.
pub(crate) fn all() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(events::publish))
        .routes(routes!(events::publish_to))
        .routes(routes!(events::plan))
        .routes(routes!(events::event))
        .routes(routes!(operate::cancel_event))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::delivery))
        .routes(routes!(operate::cancel_delivery))
        .routes(routes!(operate::redrive))
        .routes(routes!(operate::suppress))
        .routes(routes!(operate::unsuppress))
        .routes(routes!(operate::suppressed))
        .routes(routes!(keys::list, keys::issue))
        .routes(routes!(keys::key))
        .routes(routes!(keys::rotate))
        .routes(routes!(keys::revoke))
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
