//! Accounts as URLs.

use secrecy::SecretString;
use signalbus_core::text::percent_decoded;
use url::{Host, Url};

use crate::{Auth, ConfigError, Security, SmtpConfig};

impl SmtpConfig {
    /// Reads an account from a URL:
    ///
    /// | URL | means |
    /// |---|---|
    /// | `smtp://mail.acme.test` | port 587 with `STARTTLS` |
    /// | `smtps://mail.acme.test` | port 465 with implicit TLS |
    /// | `smtp://localhost:2525?tls=none` | plain text |
    /// | `smtp://user:p%40ss@mail.acme.test` | signs in; `%40` and the like are decoded |
    ///
    /// Parameters: `name` (of the provider), `hello` (in `EHLO`), `from` (the envelope sender), and
    /// `tls=none`.
    ///
    /// # Errors
    /// When the URL has another form.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let problem = |problem| ConfigError::Url { problem };
        let url = Url::parse(url).map_err(|_| problem("this one cannot be read"))?;
        let security = match url.scheme() {
            "smtp" => Security::StartTls,
            "smtps" => Security::Implicit,
            _ => return Err(problem("this one has another scheme")),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => {
                percent_decoded(name).ok_or(problem("this one has a bad host"))?
            }
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            _ => return Err(problem("this one has no host")),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(problem("this one has a path or a fragment"));
        }
        let mut config = Self::new(host).with_security(security);
        for (key, value) in url.query_pairs() {
            match (&*key, &*value) {
                ("tls", "none") if security == Security::StartTls => {
                    config.security = Security::Plaintext;
                }
                ("tls", _) => {
                    return Err(problem("`tls` can only be `none`, and only with smtp://"));
                }
                ("name", name) => config.name = name.to_owned(),
                ("hello", name) => config.hello = Some(name.to_owned()),
                ("from", address) => {
                    let mailbox: signalbus_core::channel::email::Mailbox =
                        address.parse().map_err(ConfigError::ReturnPath)?;
                    config.return_path = Some(mailbox.address().clone());
                }
                _ => {
                    return Err(problem(
                        "this one has a parameter other than `tls`, `name`, `hello` and `from`",
                    ));
                }
            }
        }
        if let Some(port) = url.port() {
            config.port = port;
        }
        let bad = problem("this one has a bad percent-encoding");
        match (url.username(), url.password()) {
            ("", None) => {}
            ("", Some(_)) | (_, None) => {
                return Err(problem(
                    "this one has a user without password, or the reverse",
                ));
            }
            (user, Some(password)) => {
                let (Some(user), Some(password)) =
                    (percent_decoded(user), percent_decoded(password))
                else {
                    return Err(bad);
                };
                config.auth = Auth::password(user, SecretString::from(password));
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn urls() {
        for (url, host, port, security) in [
            (
                "smtp://mail.example",
                "mail.example",
                587,
                Security::StartTls,
            ),
            (
                "smtps://mail.example",
                "mail.example",
                465,
                Security::Implicit,
            ),
            (
                "smtp://mail.example:25/",
                "mail.example",
                25,
                Security::StartTls,
            ),
            (
                "smtps://mail.example:587",
                "mail.example",
                587,
                Security::Implicit,
            ),
            (
                "smtp://127.0.0.1:2525?tls=none",
                "127.0.0.1",
                2525,
                Security::Plaintext,
            ),
            (
                "smtp://[::1]:2525?tls=none",
                "::1",
                2525,
                Security::Plaintext,
            ),
        ] {
            let config = SmtpConfig::from_url(url).unwrap();
            assert_eq!(
                (config.host.as_str(), config.port, config.security),
                (host, port, security),
                "{url}"
            );
            assert!(matches!(config.auth, Auth::None), "{url}");
        }
    }

    #[test]
    fn users_and_parameters_are_decoded() {
        let url = "smtp://ada%40acme.test:p%40s%2Fs%3A@mail.example\
                   ?name=relay&hello=app.acme.test&from=bounce%40acme.test";
        let config = SmtpConfig::from_url(url).unwrap();
        let Auth::Password { user, password } = &config.auth else {
            panic!("no password");
        };
        assert_eq!(user, "ada@acme.test");
        assert_eq!(password.expose_secret(), "p@s/s:");
        assert_eq!(config.name, "relay");
        assert_eq!(config.hello.as_deref(), Some("app.acme.test"));
        assert_eq!(
            config.return_path.as_ref().unwrap().spelled(),
            "bounce@acme.test"
        );
        assert!(
            !format!("{config:?}").contains("p@s"),
            "the password is shown"
        );
    }

    #[test]
    fn urls_that_are_refused() {
        for (url, reason) in [
            ("", "cannot be read"),
            ("mail.example:25", "another scheme"),
            ("http://mail.example", "another scheme"),
            ("smtp:mail.example", "no host"),
            ("smtp://", "no host"),
            ("smtp://mail.example/inbox", "a path"),
            ("smtp://mail.example#x", "a fragment"),
            ("smtp://mail.example?tls=off", "`tls`"),
            ("smtps://mail.example?tls=none", "`tls`"),
            ("smtp://mail.example?verify=no", "a parameter"),
            ("smtp://user@mail.example", "a user without"),
            ("smtp://:secret@mail.example", "a user without"),
            ("smtp://user:%ff@mail.example", "percent-encoding"),
            ("smtp://mail.example?from=nobody", "bounces"),
        ] {
            let error = SmtpConfig::from_url(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
