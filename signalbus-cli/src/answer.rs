//! What a command says.

use serde_json::Value;

/// Everything is as it should be, or was done.
pub(crate) const GOOD: u8 = 0;
/// What was asked for is not there, or something is wrong with the installation.
pub(crate) const BAD: u8 = 1;

/// What a command says, in both forms.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For people; ends with a line break.
    pub(crate) text: String,
    /// For programs: one document.
    pub(crate) json: Value,
    /// The exit code.
    pub(crate) code: u8,
}

impl Answer {
    pub(crate) fn good(text: String, json: Value) -> Self {
        Self {
            text,
            json,
            code: GOOD,
        }
    }
}
