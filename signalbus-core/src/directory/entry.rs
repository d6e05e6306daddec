use std::fmt;

use serde_json::Value;

use super::Owner;
use crate::clock::{Timestamp, is_within};

/// The most bytes the name of an entry may have.
pub const LONGEST_NAME: usize = 255;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What an entry is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word in columns: never changed.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Reads what [`Kind::as_str`] wrote.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
            }
        }
    };
}

kinds! {
    /// A tenant; the host's.
    Tenant = "tenant",
    /// A key of the API, by the public part of it.
    Key = "key",
    /// A recipient, by the application's own id.
    Recipient = "recipient",
    /// A template with its versions.
    Template = "template",
    /// An account at a provider, sealed.
    Account = "account",
}

/// One document.
#[derive(Clone, PartialEq)]
pub struct Entry {
    /// Whose it is.
    pub owner: Owner,
    /// What it is.
    pub kind: Kind,
    /// Its name: unique for owner and kind.
    pub name: String,
    /// The number of its last change: of two changes to one revision only the first happens.
    pub revision: u64,
    /// When that was, by the directory's clock.
    pub changed_at: Timestamp,
    /// When it was last used, if it is a key.
    pub used_at: Option<Timestamp>,
    /// What it says.
    pub body: Value,
}

impl fmt::Debug for Entry {
    /// Shows neither name nor body: they may have addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("owner", &self.owner)
            .field("kind", &self.kind)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

/// Which page of a list of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePage {
    /// Only behind this name.
    pub after: Option<String>,
    /// Only what was last changed at or after this time, by the directory's clock.
    pub changed_from: Option<Timestamp>,
    /// Only what was last changed before this time.
    pub changed_before: Option<Timestamp>,
    /// At most this many.
    pub limit: u32,
}

impl NamePage {
    /// The first page.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self {
            after: None,
            changed_from: None,
            changed_before: None,
            limit,
        }
    }

    /// Only behind this name.
    #[must_use]
    pub fn after(mut self, name: impl Into<String>) -> Self {
        self.after = Some(name.into());
        self
    }

    /// Whether an entry was last changed when it should have been.
    #[must_use]
    pub fn has(&self, changed_at: Timestamp) -> bool {
        is_within(changed_at, self.changed_from, self.changed_before)
    }
}
