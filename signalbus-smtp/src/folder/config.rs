use std::{io, path::PathBuf};

use signalbus_core::{
    name::{NameError, ProviderName},
    text::percent_decoded,
};

/// Where a [`MailFolder`](crate::MailFolder) writes, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FolderConfig {
    /// The folder. It is made when it is not there.
    pub path: PathBuf,
    /// The name of the provider in history, logs and metrics: `folder` by default.
    pub name: String,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The URL is not of the form `folder:///absolute/path?name=…`.
    #[error(
        "a folder URL is written as folder:///absolute/path, with ?name=… if need be; {problem}"
    )]
    Url {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The name is not one a provider can have.
    #[error("the provider name cannot be used")]
    Name(#[source] NameError),
    /// The folder is not there and cannot be made.
    #[error("the folder {} cannot be made", path.display())]
    Create {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl FolderConfig {
    /// This folder, under the name `folder`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            name: "folder".to_owned(),
        }
    }

    /// Sets the name of the provider: needed when there are two folders.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Reads `folder:///var/mail/outbox` or `folder:///var/mail/outbox?name=archive`. The path is
    /// absolute; `%20` and the like are decoded.
    ///
    /// # Errors
    /// When the URL has another form.
    pub fn from_url(url: &str) -> Result<Self, FolderError> {
        let problem = |problem| FolderError::Url { problem };
        let rest = url
            .strip_prefix("folder://")
            .ok_or(problem("this one has another scheme"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !path.starts_with('/') {
            return Err(problem("this one has a host or a relative path"));
        }
        if rest.contains('#') {
            return Err(problem("write %23 for a '#' in the path"));
        }
        let path = percent_decoded(path).ok_or(problem("this one has a bad percent-encoding"))?;
        let config = Self::new(path);
        match query.split_once('=') {
            None if query.is_empty() => Ok(config),
            Some(("name", name)) => Ok(config.with_name(name)),
            _ => Err(problem("this one has a parameter other than `name`")),
        }
    }

    pub(crate) fn provider_name(&self) -> Result<ProviderName, FolderError> {
        ProviderName::new(&self.name).map_err(FolderError::Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let table = [
            ("folder:///var/mail/outbox", "/var/mail/outbox", "folder"),
            ("folder:///a%20b/%C3%A4%25", "/a b/ä%", "folder"),
            ("folder:///outbox?name=archive-1", "/outbox", "archive-1"),
            ("folder:///", "/", "folder"),
        ];
        for (url, path, name) in table {
            let expected = FolderConfig::new(path).with_name(name);
            assert_eq!(FolderConfig::from_url(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn urls_that_are_refused() {
        for (url, reason) in [
            ("", "another scheme"),
            ("smtp://mail.example", "another scheme"),
            ("/var/mail/outbox", "another scheme"),
            ("folder:outbox", "another scheme"),
            ("folder://outbox", "a host or a relative path"),
            ("folder://", "a host or a relative path"),
            ("folder:///a%2", "percent-encoding"),
            ("folder:///a%zz", "percent-encoding"),
            ("folder:///a%ff", "percent-encoding"),
            ("folder:///a%00b", "percent-encoding"),
            ("folder:///a#b", "%23"),
            ("folder:///a?nam=b", "parameter"),
            ("folder:///a?name", "parameter"),
        ] {
            let error = FolderConfig::from_url(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }

    #[test]
    fn names_are_checked() {
        let config = FolderConfig::new("/outbox").with_name("two words");
        assert!(matches!(config.provider_name(), Err(FolderError::Name(_))));
    }
}
