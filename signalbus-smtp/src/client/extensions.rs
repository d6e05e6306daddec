/// What a server offers in its answer to `EHLO`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extensions {
    /// RFC 3207.
    pub(crate) starttls: bool,
    /// RFC 2920.
    pub(crate) pipelining: bool,
    /// RFC 6152.
    pub(crate) eight_bit: bool,
    /// RFC 6531.
    pub(crate) utf8: bool,
    /// RFC 1870: the most bytes of a mail; zero when there is no fixed limit.
    pub(crate) size: Option<u64>,
    /// RFC 4954: the mechanisms, in upper case.
    pub(crate) auth: Vec<String>,
}

impl Extensions {
    /// Reads a whole reply to `EHLO`, its code included. What it does not know it passes over.
    pub(crate) fn parse(reply: &str) -> Self {
        let mut extensions = Self::default();
        // The first line is the server's name.
        for line in reply.lines().skip(1) {
            let line = line.get(4..).unwrap_or_default().to_ascii_uppercase();
            // Old servers write `AUTH=LOGIN`.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => extensions.starttls = true,
                Some("PIPELINING") => extensions.pipelining = true,
                Some("8BITMIME") => extensions.eight_bit = true,
                Some("SMTPUTF8") => extensions.utf8 = true,
                Some("SIZE") => {
                    let limit = words.next().map_or(Some(0), |limit| limit.parse().ok());
                    extensions.size = limit.or(Some(0));
                }
                Some("AUTH") => extensions.auth.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        extensions
    }

    pub(crate) fn offers_auth(&self, mechanism: &str) -> bool {
        self.auth.iter().any(|offered| offered == mechanism)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_read_whatever_its_case() {
        let read = Extensions::parse(
            "250-mail.example STARTTLS\r\n250-pipelining\r\n250-SIZE 35882577\r\n250-8BITMIME\r\n\
             250-AUTH=LOGIN\r\n250-AUTH PLAIN xoauth2\r\n250-X-UNKNOWN ä\r\n250 SMTPUTF8\r\n",
        );
        assert_eq!(
            read,
            Extensions {
                starttls: false,
                pipelining: true,
                eight_bit: true,
                utf8: true,
                size: Some(35_882_577),
                auth: ["LOGIN", "PLAIN", "XOAUTH2"].map(str::to_owned).to_vec(),
            }
        );
        assert_eq!(
            Extensions::parse("250 mail.example\r\n"),
            Extensions::default()
        );
        assert_eq!(Extensions::parse("250-a\r\n250 SIZE\r\n").size, Some(0));
        assert!(Extensions::parse("250-a\r\n250 STARTTLS\r\n").starttls);
    }
}
