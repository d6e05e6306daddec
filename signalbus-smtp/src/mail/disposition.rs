use lettre::message::header::{Header, HeaderName, HeaderValue};

/// `Content-Disposition` (RFC 2183). lettre's writes a name such as `=?utf-8?q?a.exe?=` as it is,
/// and mail programs show `a.exe`.
#[derive(Debug, Clone)]
pub(crate) struct Disposition {
    kind: &'static str,
    file_name: String,
}

/// Longer names are cut over lines (RFC 2231 section 3).
const LINE: usize = 60;

impl Disposition {
    pub(crate) fn attachment(file_name: &str) -> Self {
        Self {
            kind: "attachment",
            file_name: file_name.to_owned(),
        }
    }

    pub(crate) fn inline(file_name: &str) -> Self {
        Self {
            kind: "inline",
            file_name: file_name.to_owned(),
        }
    }

    fn value(&self) -> String {
        let name = self.file_name.as_str();
        let plain = name
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
        if plain && name.len() < LINE && !name.contains("=?") {
            return format!("{}; filename=\"{name}\"", self.kind);
        }
        format!("{}{}", self.kind, extended(name))
    }
}

/// `filename` in percent-encoded UTF-8 (RFC 2231 section 4), one piece a line.
fn extended(name: &str) -> String {
    let mut pieces = vec![String::from("utf-8''")];
    for c in name.chars() {
        let encoded = encode(c);
        match pieces.last_mut() {
            Some(piece) if piece.len() + encoded.len() <= LINE => piece.push_str(&encoded),
            _ => pieces.push(encoded),
        }
    }
    if let [piece] = pieces.as_slice() {
        return format!(";\r\n filename*={piece}");
    }
    pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| format!(";\r\n filename*{index}*={piece}"))
        .collect()
}

fn encode(c: char) -> String {
    if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') {
        return c.to_string();
    }
    let mut utf8 = [0; 4];
    c.encode_utf8(&mut utf8)
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect()
}

impl Header for Disposition {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Disposition")
    }

    /// Nobody reads it back.
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Err("Content-Disposition is only written".into())
    }

    fn display(&self) -> HeaderValue {
        let value = self.value();
        HeaderValue::dangerous_new_pre_encoded(Self::name(), value.clone(), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "n".repeat(70);
        let table = [
            ("a b.pdf", "attachment; filename=\"a b.pdf\"".to_owned()),
            (
                "für.pdf",
                "attachment;\r\n filename*=utf-8''f%C3%BCr.pdf".to_owned(),
            ),
            (
                "=?utf-8?q?a?=",
                "attachment;\r\n filename*=utf-8''%3D%3Futf-8%3Fq%3Fa%3F%3D".to_owned(),
            ),
            (
                "a\"\r\nb",
                "attachment;\r\n filename*=utf-8''a%22%0D%0Ab".to_owned(),
            ),
            (
                &long,
                format!(
                    "attachment;\r\n filename*0*=utf-8''{};\r\n filename*1*={}",
                    "n".repeat(53),
                    "n".repeat(17)
                ),
            ),
        ];
        for (name, value) in table {
            assert_eq!(Disposition::attachment(name).value(), value);
        }
        assert_eq!(Disposition::inline("a").value(), "inline; filename=\"a\"");
    }

    #[test]
    fn no_character_is_cut() {
        let name = "請".repeat(85);
        for line in Disposition::inline(&name).value().split("\r\n") {
            assert!(line.len() < 78, "{line}");
            assert_eq!(line.matches('%').count() % 3, 0, "{line}");
        }
    }
}
