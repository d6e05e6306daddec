//! Why a command could not be carried out.

use std::error::Error;

use serde_json::json;
use signalbus::store::{StoreError, StoreErrorKind};

use crate::visible::Visible;

/// Why a command could not be carried out. Exit codes: 2 for what was typed, 1 for what is not
/// there or cannot be read, 3 for a store that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was typed cannot be meant.
    #[error("{0}")]
    Usage(String),
    /// It is not there.
    #[error("{0}")]
    Missing(String),
    /// A file or the terminal.
    #[error("{what}")]
    File {
        what: String,
        source: std::io::Error,
    },
    /// Something given could not be used.
    #[error("{what}")]
    Input {
        what: String,
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
}

impl Failure {
    pub(crate) fn input(
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Input {
            what: what.into(),
            source: source.into(),
        }
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Missing(_) | Self::File { .. } | Self::Input { .. } => 1,
            Self::Store(_) => 3,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Missing(_) => "not_found",
            Self::File { .. } => "file",
            Self::Input { .. } => "input",
            Self::Store(error) => match error.kind() {
                StoreErrorKind::Unavailable => "store_unavailable",
                StoreErrorKind::Ambiguous => "store_ambiguous",
                StoreErrorKind::InUse => "store_in_use",
                StoreErrorKind::Corrupt => "store_corrupt",
                StoreErrorKind::Unsupported => "store_unsupported",
                _ => "store",
            },
        }
    }

    /// The whole chain of causes in one line.
    fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause = self.source();
        while let Some(next) = cause {
            line.push_str(": ");
            line.push_str(&next.to_string());
            cause = next.source();
        }
        line
    }

    pub(crate) fn text(&self) -> String {
        format!("error: {}", Visible(&self.chain()))
    }

    pub(crate) fn json(&self) -> String {
        json!({ "error": { "kind": self.kind(), "message": self.chain() } }).to_string()
    }
}

impl From<std::io::Error> for Failure {
    fn from(source: std::io::Error) -> Self {
        Self::File {
            what: "the terminal or file cannot be used".to_owned(),
            source,
        }
    }
}
