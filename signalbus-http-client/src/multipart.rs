use std::{borrow::Cow, fmt};

use bytes::Bytes;
use signalbus_core::Entropy;

/// Room for what stands around the value of a field.
const FIELD: usize = 160;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Fields and files as `multipart/form-data` (RFC 7578), in their order; names may repeat. Files
/// are shared, not copied.
///
/// The boundary is random, so that no content can guess it and add fields of its own. Names and file
/// names are written as browsers do (quotes and line breaks percent-encoded, WHATWG "multipart/form-data
/// encoding algorithm").
pub struct Multipart {
    boundary: String,
    pieces: Vec<Bytes>,
    text: String,
    length: usize,
}

impl Multipart {
    /// No fields. The boundary is drawn from `entropy`.
    #[must_use]
    pub fn new(entropy: &Entropy) -> Self {
        let mut random = [0; 20];
        entropy.fill(&mut random);
        let mut boundary = String::with_capacity(50);
        boundary.push_str("signalbus-");
        for byte in random {
            for half in [byte >> 4, byte & 15] {
                boundary.push(char::from(DIGITS[usize::from(half)]));
            }
        }
        Self {
            boundary,
            pieces: Vec::new(),
            text: String::with_capacity(4 * FIELD),
            length: 0,
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.text.reserve(FIELD + value.len());
        self.open(name);
        self.text.push_str("\r\n\r\n");
        self.text.push_str(value);
        self.text.push_str("\r\n");
        self
    }

    /// Adds a file. A content type that could not stand in a header becomes
    /// `application/octet-stream`.
    #[must_use]
    pub fn file(mut self, name: &str, file_name: &str, content_type: &str, content: Bytes) -> Self {
        self.open(name);
        self.text.push_str("; filename=\"");
        self.text.push_str(&escape(file_name));
        self.text.push_str("\"\r\nContent-Type: ");
        let plain = content_type.bytes().all(|b| (b' '..=b'~').contains(&b));
        self.text.push_str(if plain {
            content_type
        } else {
            "application/octet-stream"
        });
        self.text.push_str("\r\n\r\n");
        self.flush();
        self.length += content.len();
        self.pieces.push(content);
        self.text.push_str("\r\n");
        self
    }

    /// How many bytes it has so far.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length + self.text.len()
    }

    fn open(&mut self, name: &str) {
        self.text.push_str("--");
        self.text.push_str(&self.boundary);
        self.text
            .push_str("\r\nContent-Disposition: form-data; name=\"");
        self.text.push_str(&escape(name));
        self.text.push('"');
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        self.length += text.len();
        self.pieces.push(Bytes::from(text));
    }

    /// Its media type and its pieces.
    pub(crate) fn encode(mut self) -> (String, Vec<Bytes>) {
        self.text.push_str("--");
        self.text.push_str(&self.boundary);
        self.text.push_str("--\r\n");
        self.flush();
        let content_type = format!("multipart/form-data; boundary={}", self.boundary);
        (content_type, self.pieces)
    }
}

fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['"', '\r', '\n']) {
        return Cow::Borrowed(text);
    }
    let escaped = text
        .replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    Cow::Owned(escaped)
}

impl fmt::Debug for Multipart {
    /// Shows no content, and no boundary.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart")
            .field("bytes", &self.length())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_files() {
        let multipart = Multipart::new(&Entropy::from_seed(1))
            .field("to", "ada")
            .file(
                "attachment",
                "a\"b\r\nc.pdf",
                "text/\r\nX: 1",
                Bytes::from_static(b"%PDF"),
            );
        let (content_type, pieces) = multipart.encode();
        let boundary = content_type
            .strip_prefix("multipart/form-data; boundary=")
            .unwrap();
        assert_eq!(boundary.len(), 50);
        let text = String::from_utf8(pieces.concat()).unwrap();
        assert_eq!(
            text.replace(boundary, "B"),
            "--B\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nada\r\n\
             --B\r\nContent-Disposition: form-data; name=\"attachment\"; \
             filename=\"a%22b%0D%0Ac.pdf\"\r\nContent-Type: application/octet-stream\r\n\r\n%PDF\r\n\
             --B--\r\n"
        );
    }

    #[test]
    fn the_length_is_that_of_the_pieces() {
        let multipart = Multipart::new(&Entropy::from_seed(1)).field("a", "1").file(
            "f",
            "f",
            "text/plain",
            Bytes::from_static(b"12345"),
        );
        let said = multipart.length();
        let (_, pieces) = multipart.encode();
        let end = "--".len() * 2 + 50 + 2;
        assert_eq!(pieces.iter().map(Bytes::len).sum::<usize>(), said + end);
    }

    #[test]
    fn no_two_boundaries_are_the_same() {
        let entropy = Entropy::from_os();
        let of = || Multipart::new(&entropy).encode().0;
        assert_ne!(of(), of());
    }
}
