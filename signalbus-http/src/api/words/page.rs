use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::problem::{Answer, Problem, Wrong};

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// What the page before said as `next`.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Lines of the page: 50 unless said, at most 200 unless the host allows more.
    #[serde(default)]
    #[param(minimum = 1)]
    pub(crate) limit: Option<u32>,
}

/// A place in a list, as `next` said it.
pub(crate) fn parse_number<T: std::str::FromStr>(after: &str) -> Answer<T> {
    after.parse().map_err(|_| {
        Problem::new(
            Wrong::Malformed,
            "`after` is not what an earlier page said as `next`: begin without it",
        )
        .field("after")
    })
}
