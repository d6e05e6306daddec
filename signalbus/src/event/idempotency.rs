use serde::{Deserialize, Serialize};

/// How a repeated publish is recognised (promise P7). There is no default: the caller decides.
///
/// A key belongs to a tenant and lives as long as its event is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idempotency {
    /// This key, 1 to 255 bytes.
    Key(String),
    /// A key derived from the topic and these top-level fields of the data.
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
