//! Errors as logs and histories tell them: to the last cause.

use std::{error::Error, fmt};

/// An error with its sources, one after the other. For logs of what is ours: a foreign error may quote a URL, and with
/// it a secret.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, Sources(self.0))
    }
}

/// The sources alone, each behind a colon.
pub(crate) struct Sources<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// A foreign error and its sources, for a debug log: what looks like a URL is left out, since HTTP clients quote theirs
/// with all that is in it.
pub(crate) struct WithoutUrls<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for WithoutUrls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Chain(self.0).to_string();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("://") {
            let (before, url) = rest.split_at(at);
            f.write_str(before)?;
            f.write_str("://…")?;
            let end =
                url.find(|c: char| c.is_whitespace() || matches!(c, ')' | '"' | '\'' | '>' | ']'));
            rest = &url[end.unwrap_or(url.len())..];
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Said(&'static str);

    #[test]
    fn urls_are_left_out() {
        for (said, shown) in [
            ("no answer", "no answer"),
            (
                "error sending request for url (https://user:pw@api.test/a?token=1)",
                "error sending request for url (https://…)",
            ),
            (
                "at redis://:pw@host:1/0 and http://b",
                "at redis://… and http://…",
            ),
        ] {
            assert_eq!(WithoutUrls(&Said(said)).to_string(), shown);
        }
    }
}
