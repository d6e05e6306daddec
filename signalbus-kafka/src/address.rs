use std::fmt;

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    /// A name, or an IP address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads `host:port`, `[ipv6]:port` or a host alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        const PORT: u16 = 9092;
        let (host, port) = match text.strip_prefix('[') {
            Some(text) => {
                let (host, behind) = text.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                match behind {
                    "" => (host, PORT),
                    behind => (host, behind.strip_prefix(':')?.parse().ok()?),
                }
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, port.parse().ok()?),
                None => (text, PORT),
            },
        };
        let letters = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
        (!host.is_empty() && port != 0 && host.chars().all(letters)).then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, host, port) in [
            ("kafka.internal:9093", "kafka.internal", 9093),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("[::1]:19092", "::1", 19092),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port));
            assert_eq!(address.to_string(), text);
        }
        assert_eq!(Address::parse("kafka").unwrap().to_string(), "kafka:9092");
        for text in [
            "",
            ":9092",
            "kafka:",
            "kafka:0",
            "kafka:70000",
            "[::1",
            "[kafka]:1",
            "a b",
            "a/b",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
