use std::fmt;

use serde::{Deserialize, Serialize};

/// What a key may do. None of them contains another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Publish events, and plan them.
    Publish,
    /// Read events and deliveries.
    Read,
    /// Cancel, redrive, suppress.
    Operate,
    /// Manage keys, templates, recipients, accounts; with a key of the host, tenants.
    Admin,
    /// Say what providers said.
    Receipts,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Publish,
        Self::Read,
        Self::Operate,
        Self::Admin,
        Self::Receipts,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
            Self::Receipts => "receipts",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
