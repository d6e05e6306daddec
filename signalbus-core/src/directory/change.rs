use std::fmt;

use serde_json::Value;

use super::{Kind, LONGEST_NAME, Owner};
use crate::{
    store::{StoreError, StoreErrorKind},
    text::is_control,
};

/// The longest verb of a trail, in bytes.
const LONGEST_ACTION: usize = 64;

/// A change to one entry.
#[derive(Clone)]
pub struct Change {
    /// Whose entry.
    pub owner: Owner,
    /// What it is.
    pub kind: Kind,
    /// Its name: 1 to [`LONGEST_NAME`] bytes without control characters.
    pub name: String,
    /// What must be there.
    pub expect: Expect,
    /// What it says from now on; none to remove it.
    pub body: Option<Value>,
    /// What is done, for the trail: `key.revoked`, say.
    pub action: String,
}

impl fmt::Debug for Change {
    /// Shows neither name nor body: they may have addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change")
            .field("owner", &self.owner)
            .field("kind", &self.kind)
            .field("expect", &self.expect)
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// What a change expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Absent,
    /// The entry as of this revision.
    Revision(u64),
    /// Whatever is there, if anything.
    Any,
}

impl Expect {
    /// Whether this is met by what is there.
    #[must_use]
    pub const fn is_met_by(self, revision: Option<u64>) -> bool {
        match (self, revision) {
            (Self::Any, _) | (Self::Absent, None) => true,
            (Self::Revision(expected), Some(is)) => expected == is,
            (Self::Absent, Some(_)) | (Self::Revision(_), None) => false,
        }
    }
}

/// What came of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// All were made; the new revision of each.
    Done(Vec<u64>),
    /// None was: the one at this place found something else than it expected.
    Conflict(usize),
}

/// What no directory takes.
///
/// # Errors
/// Of kind [`StoreErrorKind::Invalid`], with what is wrong: no name, one that is too long or has a
/// control character, or two changes to one entry.
pub fn check_changes(changes: &[Change]) -> Result<(), StoreError> {
    let invalid = |problem: &str| Err(StoreError::new(StoreErrorKind::Invalid, problem));
    for (place, change) in changes.iter().enumerate() {
        if change.name.is_empty() || change.name.len() > LONGEST_NAME {
            return invalid("the name of an entry must have 1 to 255 bytes");
        }
        if change.name.contains(is_control) {
            return invalid("the name of an entry has a control character: leave it out");
        }
        if change.action.is_empty() || change.action.len() > LONGEST_ACTION {
            return invalid("an action must have 1 to 64 bytes");
        }
        let same = |other: &Change| {
            (&other.owner, other.kind, &other.name) == (&change.owner, change.kind, &change.name)
        };
        if changes[..place].iter().any(same) {
            return invalid("two changes to one entry: make them one after the other");
        }
    }
    Ok(())
}
