use serde::Deserialize;
use signalbus_core::{Timestamp, directory::Kept};
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
    /// Last changed at or after this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    pub(crate) changed_from: Option<Timestamp>,
    /// Last changed before this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    pub(crate) changed_before: Option<Timestamp>,
    /// Lines of the page: 50 unless said, at most 200 unless the host allows more.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
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

/// Where the next page begins: none when this one is not full.
pub(crate) fn next_name<T>(kept: &[Kept<T>], limit: u32) -> Option<String> {
    let full = kept.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    kept.last().filter(|_| full).map(|last| last.name.clone())
}
