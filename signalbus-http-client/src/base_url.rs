use std::{fmt, net::IpAddr};

/// Where a provider's API is: `https://api.example.net`, with a path before everything if need be.
///
/// It is configuration, so that tests and gateways can put another server in its place. `http://`
/// is taken for this machine only (`127.0.0.1`, `[::1]`, `localhost`): elsewhere the credentials would
/// travel for all to read.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(url::Url);

/// A URL made from a [`BaseUrl`]. Shown nowhere: providers put account ids and addresses into theirs.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(pub(crate) url::Url);

/// Why a URL cannot be the base of an API. Does not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the base URL {problem}; it is written as https://host or https://host/path")]
pub struct BaseUrlError {
    problem: &'static str,
}

impl BaseUrl {
    /// Checks and takes a base URL.
    ///
    /// # Errors
    /// When it is no `https` URL (or `http` to this machine), or has a user name, a query or a
    /// fragment.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let wrong = |problem| BaseUrlError { problem };
        let mut url = url::Url::parse(text).map_err(|_| wrong("cannot be read"))?;
        match url.scheme() {
            "https" => {}
            "http" if is_this_machine(&url) => {}
            "http" => return Err(wrong("would send credentials in the clear")),
            _ => return Err(wrong("has another scheme")),
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("has no host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "has a user name; credentials have fields of their own",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("has a query or a fragment"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The URL below it with these path segments, each percent-encoded.
    #[must_use]
    pub fn join<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        // An `http` URL always has segments.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        Url(url)
    }

    /// Whether another URL has the same scheme, host and port: the only ones that credentials for
    /// this one may be sent to.
    #[must_use]
    pub fn is_same_origin(&self, url: &Url) -> bool {
        self.0.origin() == url.0.origin()
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl Url {
    /// Reads an absolute URL that a provider answered with: the next page of a list, say. Check it
    /// with [`BaseUrl::is_same_origin`] before credentials go there.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        url::Url::parse(text).ok().map(Self)
    }

    /// Adds fields to the query, percent-encoded.
    #[must_use]
    pub fn query<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.0.query_pairs_mut().extend_pairs(fields);
        self
    }
}

fn is_this_machine(url: &url::Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Debug for BaseUrl {
    /// Shows the origin only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({}…)", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Url {
    /// Shows the origin only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({}…)", self.0.origin().ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        for (text, joined) in [
            (
                "https://api.example.net",
                "https://api.example.net/v3/a%2Fb",
            ),
            (
                "https://api.example.net/",
                "https://api.example.net/v3/a%2Fb",
            ),
            ("https://gw.test/mail/", "https://gw.test/mail/v3/a%2Fb"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v3/a%2Fb"),
            ("http://[::1]:8080", "http://[::1]:8080/v3/a%2Fb"),
            ("http://localhost", "http://localhost/v3/a%2Fb"),
        ] {
            let base = BaseUrl::parse(text).unwrap();
            assert_eq!(base.join(["v3", "a/b"]).0.as_str(), joined);
        }
    }

    #[test]
    fn base_urls_that_are_refused() {
        for (text, reason) in [
            ("", "cannot be read"),
            ("api.example.net", "cannot be read"),
            ("ftp://api.example.net", "another scheme"),
            ("http://api.example.net", "in the clear"),
            ("http://127.0.0.1.example.net", "in the clear"),
            ("https://", "cannot be read"),
            ("https://key@api.example.net", "user name"),
            ("https://:key@api.example.net", "user name"),
            ("https://api.example.net/?key=1", "query"),
            ("https://api.example.net/#a", "query"),
        ] {
            let error = BaseUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let base = BaseUrl::parse("https://api.example.net/x").unwrap();
        for (text, same) in [
            ("https://api.example.net/v3/next", true),
            ("https://api.example.net:443/v3/next", true),
            ("http://api.example.net/v3/next", false),
            ("https://api.example.net:8443/", false),
            ("https://api.example.net.evil.test/", false),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(base.is_same_origin(&url), same, "{text}");
        }
    }

    #[test]
    fn debug_shows_the_origin_only() {
        let url = BaseUrl::parse("https://api.example.net/account-7").unwrap();
        assert_eq!(format!("{url:?}"), "BaseUrl(https://api.example.net…)");
        let url = url.join(["ada@example.org"]).query([("to", "ada")]);
        assert_eq!(format!("{url:?}"), "Url(https://api.example.net…)");
    }
}
