use std::fmt;

use bytes::Bytes;
use url::form_urlencoded::Serializer;

/// Fields as `application/x-www-form-urlencoded`, in their order; names may repeat.
pub struct Form(Serializer<'static, String>);

impl Form {
    /// No fields.
    #[must_use]
    pub fn new() -> Self {
        // As long as the fields of most messages.
        Self(Serializer::new(String::with_capacity(512)))
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.0.append_pair(name, value);
        self
    }

    pub(crate) fn encode(mut self) -> Bytes {
        Bytes::from(self.0.finish())
    }
}

impl Default for Form {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Form {
    /// Shows no field.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").finish_non_exhaustive()
    }
}
