use std::fmt;

use serde::{Deserialize, Serialize};

/// How a repeated publish is recognised (promise P7). There is no default: the caller decides.
///
/// A key belongs to a tenant and lives as long as its event is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// This key, 1 to 255 bytes.
    Key(String),
    /// A key derived from the topic and these top-level fields of the data: a set, in whatever order they are named.
    /// Numbers are compared by value, so that 1 and 1.0 are one.
    Fields(Vec<String>),
    /// Every publish is a new event.
    None,
}

impl Idempotency {
    /// This key.
    #[must_use]
    pub fn key(key: impl Into<String>) -> Self {
        Self::Key(key.into())
    }

    /// A key derived from the topic and these top-level fields of the data.
    #[must_use]
    pub fn fields<const N: usize>(fields: [&str; N]) -> Self {
        Self::Fields(fields.map(str::to_owned).to_vec())
    }
}

impl fmt::Debug for Idempotency {
    /// Shows no key: applications put addresses into them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(_) => f.debug_tuple("Key").finish_non_exhaustive(),
            Self::Fields(fields) => f.debug_tuple("Fields").field(fields).finish(),
            Self::None => f.write_str("None"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn debug_tells_the_kind_and_not_the_key() {
        for (idempotency, shown) in [
            (Idempotency::key("welcome-ada@example.org"), "Key(..)"),
            (Idempotency::fields(["invoice"]), "Fields([\"invoice\"])"),
            (Idempotency::None, "None"),
        ] {
            assert_eq!(format!("{idempotency:?}"), shown);
            let event = format!("{:?}", Event::new("user.signup", idempotency));
            assert!(event.contains(&format!("idempotency: {shown}")), "{event}");
        }
    }
}
