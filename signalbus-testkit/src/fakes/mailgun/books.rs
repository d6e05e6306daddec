use signalbus_core::clock::Timestamp;

/// A mail that the fake took.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mail {
    /// The domain it was sent from.
    pub domain: String,
    /// Whether it came as MIME.
    pub is_mime: bool,
    /// The id it was given, without brackets.
    pub id: String,
    /// The key it was sent with.
    pub key: String,
    /// When it was taken.
    pub taken_at: Timestamp,
    /// The fields, in their order.
    pub fields: Vec<(String, String)>,
    /// The files.
    pub files: Vec<File>,
}

/// A file of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// The field it came in: `attachment`, `inline` or `message`.
    pub field: String,
    /// Its name.
    pub file_name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl Mail {
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
