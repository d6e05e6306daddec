use std::{collections::BTreeMap, fmt, str};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Names and values beside the payload of an [`Envelope`](super::Envelope), each name once.
///
/// Values are bytes, as they are on a Kafka topic that other programs write to. As JSON a value is text,
/// or `{"base64": …}` when it is no UTF-8: for buses that keep headers that way.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Headers(BTreeMap<String, Value>);

impl Headers {
    /// No headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a header, in place of what it was.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Bytes>) {
        self.0.insert(name.into(), Value(value.into()));
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(|value| value.0.as_ref())
    }

    /// The value of a header, if it is UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.get(name)?).ok()
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        let headers = self.0.iter();
        headers.map(|(name, value)| (name.as_str(), &value.0))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<Bytes>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let headers = headers.into_iter();
        let headers = headers.map(|(name, value)| (name.into(), Value(value.into())));
        Self(headers.collect())
    }
}

impl fmt::Debug for Headers {
    /// Shows names, and no values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Value(Bytes);

/// A value as JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written<'a> {
    Text(std::borrow::Cow<'a, str>),
    Bytes { base64: String },
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = str::from_utf8(&self.0).map_or_else(
            |_| Written::Bytes {
                base64: BASE64_STANDARD.encode(&self.0),
            },
            |text| Written::Text(text.into()),
        );
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = match Written::deserialize(deserializer)? {
            Written::Text(text) => text.into_owned().into(),
            Written::Bytes { base64 } => {
                let bytes = BASE64_STANDARD.decode(base64);
                bytes.map_err(de::Error::custom)?.into()
            }
        };
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_go_through_json_and_none_are_printed() {
        let headers: Headers = [
            ("empty", &b""[..]),
            ("text", "ünï".as_bytes()),
            ("bytes", &[0xff, 0, 0xfe]),
        ]
        .into_iter()
        .collect();
        let json = serde_json::to_string(&headers).unwrap();
        assert_eq!(
            json,
            r#"{"bytes":{"base64":"/wD+"},"empty":"","text":"ünï"}"#
        );
        assert_eq!(serde_json::from_str::<Headers>(&json).unwrap(), headers);
        assert_eq!(format!("{headers:?}"), r#"{"bytes", "empty", "text"}"#);
        assert_eq!(headers.text("text"), Some("ünï"));
        assert_eq!(headers.text("bytes"), None);
        assert_eq!(headers.get("bytes"), Some(&[0xff, 0, 0xfe][..]));
    }
}
