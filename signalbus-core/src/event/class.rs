use serde::{Deserialize, Serialize};

/// How urgent an event is. Classes share the slots by weight: a lower class never starves.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Somebody is waiting for it: sign-in codes, alarms.
    Urgent,
    /// It concerns one person: invoices, password resets.
    #[default]
    Standard,
    /// It goes to many: newsletters.
    Bulk,
}

impl Class {
    /// All classes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Standard, Self::Bulk];

    /// The place in [`Class::ALL`]; also how stores persist a class.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name in JSON and in labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Urgent => "urgent",
            Self::Standard => "standard",
            Self::Bulk => "bulk",
        }
    }
}
