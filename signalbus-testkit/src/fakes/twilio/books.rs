use signalbus_core::clock::Timestamp;

/// A text that the fake took.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Text {
    /// The name it was given.
    pub sid: String,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// How the request was signed in: `token`, `key` or `oauth`.
    pub auth: &'static str,
    /// The fields, in their order.
    pub fields: Vec<(String, String)>,
}

impl Text {
    /// The first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// All fields of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}
