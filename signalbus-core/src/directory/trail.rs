use super::{Kind, Owner};
use crate::clock::Timestamp;

/// What was done elsewhere, to be written into the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// To whose things.
    pub owner: Owner,
    /// What: `delivery.cancelled`, say.
    pub action: String,
    /// To what: an id, never an address.
    pub target: String,
}

/// One line of the trail: who did what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// Its number: they rise.
    pub number: u64,
    /// When, by the directory's clock.
    pub at: Timestamp,
    /// To whose things.
    pub owner: Owner,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// The kind of the entry; none for what was done elsewhere.
    pub kind: Option<Kind>,
    /// The name of the entry, or an id.
    pub target: String,
}

/// Which lines of the trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrailFilter {
    /// Only older than the line with this number.
    pub before: Option<u64>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only this action.
    pub action: Option<String>,
    /// Only lines written at or after this time, by the directory's clock.
    pub written_from: Option<Timestamp>,
    /// Only lines written before this time.
    pub written_before: Option<Timestamp>,
    /// At most this many.
    pub limit: u32,
}

impl TrailFilter {
    /// The newest lines.
    #[must_use]
    pub fn newest(limit: u32) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Only older than the line with this number.
    #[must_use]
    pub fn before(mut self, number: u64) -> Self {
        self.before = Some(number);
        self
    }

    /// Only by this actor.
    #[must_use]
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Only this action.
    #[must_use]
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }
}
