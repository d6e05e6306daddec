use std::collections::BTreeMap;
use std::fmt;

/// One template of a message: the file `templates/<name>/<locale>/<part>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The file name, such as `body.html`.
    pub name: &'static str,
    /// Decides the escaping: never the file name.
    pub kind: PartKind,
    /// Whether a locale without it cannot be used: it is passed over whole.
    pub required: bool,
    /// Whether a locale must have this part or another one of which the same is said. A mail has a body as text,
    /// as HTML, or both.
    pub one_of: bool,
}

/// What a part is, and so how values are escaped in it. Exhaustive: an engine that does not know
/// how to escape must not compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// Plain text: no escaping.
    Text,
    /// HTML: values are escaped.
    Html,
    /// A value that becomes a header: one line; a line break or control character is an error.
    Header,
    /// JSON: values are written as JSON.
    Json,
}

/// Rendered parts, by name.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parts {
    texts: BTreeMap<&'static str, String>,
}

impl Parts {
    /// The text of a part, if its template exists.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The text of a part that [`Part::required`] promises, or an empty one.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// All parts in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (*name, text.as_str()))
    }
}

impl FromIterator<(&'static str, String)> for Parts {
    fn from_iter<I: IntoIterator<Item = (&'static str, String)>>(parts: I) -> Self {
        Self {
            texts: parts.into_iter().collect(),
        }
    }
}

impl fmt::Debug for Parts {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.texts.keys()).finish()
    }
}
