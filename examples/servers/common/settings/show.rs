use std::fmt;

use super::{Setting, sources::Found};

/// A setting as it is in force. Secrets are only said to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    name: String,
    value: String,
    from: &'static str,
}

impl Shown {
    pub(super) fn new(setting: &Setting, found: Option<(&str, Found)>) -> Self {
        let value = match found {
            None => "(not set)".to_owned(),
            Some(_) if setting.is_secret() => "(set, not shown)".to_owned(),
            Some((text, _)) => text.to_owned(),
        };
        let from = match found.map(|(_, place)| place) {
            None => "",
            Some(Found::Variable) => "environment",
            Some(Found::SecretFile) => "a file of its own",
            Some(Found::File) => "file",
            Some(Found::Default) => "default",
        };
        Self {
            name: setting.variable(),
            value,
            from,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<24} {:<44} {}", self.name, self.value, self.from)
    }
}
