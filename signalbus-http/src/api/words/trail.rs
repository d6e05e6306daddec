use serde::{Deserialize, Serialize};
use signalbus_core::{
    Timestamp,
    directory::{Kind, Trail, TrailFilter},
};
use utoipa::{IntoParams, ToSchema};

use super::page::parse_number;
use crate::api::problem::Answer;

/// Which lines of the trail.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TrailQuery {
    /// By this actor, such as `key:3f9c…`.
    #[serde(default)]
    actor: Option<String>,
    /// This action, such as `key.revoked`.
    #[serde(default)]
    action: Option<String>,
    /// Written at or after this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Written before this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    before: Option<Timestamp>,
    /// What the page before said as `next`.
    #[serde(default)]
    after: Option<String>,
    /// Lines of the page: 50 unless said, at most 200 unless the host allows more.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
}

/// Who did what, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Trail)]
pub(crate) struct TrailList {
    /// The lines.
    items: Vec<TrailOut>,
    /// The next page begins behind this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Who did what.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TrailLine)]
pub(crate) struct TrailOut {
    /// Its number: they rise.
    number: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who.
    actor: String,
    /// What.
    action: String,
    /// To what kind of thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// To which.
    target: String,
}

impl TrailQuery {
    pub(crate) fn filter(self, limit: u32) -> Answer<TrailFilter> {
        let mut filter = TrailFilter::newest(limit);
        filter.actor = self.actor;
        filter.action = self.action;
        filter.written_from = self.from;
        filter.written_before = self.before;
        filter.before = self.after.as_deref().map(parse_number).transpose()?;
        Ok(filter)
    }
}

impl TrailList {
    pub(crate) fn of(lines: Vec<Trail>, limit: u32) -> Self {
        let full = lines.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = lines
            .last()
            .filter(|_| full)
            .map(|line| line.number.to_string());
        let items = lines.into_iter().map(|line| TrailOut {
            number: line.number,
            at: line.at,
            actor: line.actor,
            action: line.action,
            kind: line.kind.map(Kind::as_str),
            target: line.target,
        });
        Self {
            items: items.collect(),
            next,
        }
    }
}
