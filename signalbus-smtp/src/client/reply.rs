use std::fmt;

/// A server's answer: its code, its enhanced code, and what is worth knowing of its text. The text
/// itself is not kept: it repeats addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) enhanced: Option<Enhanced>,
    /// It speaks of greylisting: each new pair of addresses has to wait.
    pub(crate) greylists: bool,
    /// It says that this account may not send there.
    pub(crate) denies_relay: bool,
}

/// An enhanced status code such as `5.1.1` (RFC 3463).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Enhanced {
    pub(crate) class: u16,
    pub(crate) subject: u16,
    pub(crate) detail: u16,
}

impl Reply {
    pub(crate) fn new(code: u16, text: &str) -> Self {
        let first = text.split_ascii_whitespace().next().unwrap_or_default();
        // Its class has to be that of the code (RFC 2034 section 4).
        let enhanced = Enhanced::parse(first).filter(|enhanced| enhanced.class == code / 100);
        let text = text.to_ascii_lowercase();
        Self {
            code,
            enhanced,
            greylists: text.contains("greylist") || text.contains("graylist"),
            denies_relay: text.contains("relay access denied")
                || text.contains("relaying denied")
                || text.contains("unable to relay")
                || text.contains("relay not permitted")
                || text.contains("relaying not allowed"),
        }
    }
}

impl Enhanced {
    /// Reads `5.1.1`, and nothing else.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let mut parts = word.split('.').map(|part| {
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            digits.then(|| part.parse().ok()).flatten()
        });
        let (class, subject, detail) = (parts.next()??, parts.next()??, parts.next()??);
        let known = matches!(class, 2 | 4 | 5) && parts.next().is_none();
        known.then_some(Self {
            class,
            subject,
            detail,
        })
    }

    /// Subject and detail, such as `(1, 1)` of `5.1.1`.
    pub(crate) const fn what(self) -> (u16, u16) {
        (self.subject, self.detail)
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl fmt::Display for Reply {
    /// `550 5.1.1`, or `550`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        match self.enhanced {
            Some(enhanced) => write!(f, " {enhanced}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_are_read_strictly() {
        for (code, text, shown) in [
            (550, "5.1.1 <ada@example.org>: no such user", "550 5.1.1"),
            (550, "5.7.515 Access denied", "550 5.7.515"),
            (550, "No such user", "550"),
            (550, "4.1.1 another class", "550"),
            (550, "5.1 too short", "550"),
            (550, "5.1.1.1 too long", "550"),
            (550, "5.1.1234 too wide", "550"),
            (550, "5.1.x no number", "550"),
            (550, "#5.1.0 with a sign", "550"),
            (250, "2.0.0 ok", "250 2.0.0"),
            (421, "", "421"),
        ] {
            assert_eq!(Reply::new(code, text).to_string(), shown, "{text}");
        }
    }
}
