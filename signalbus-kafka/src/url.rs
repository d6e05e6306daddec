//! A bus as a URL.

use std::{str::FromStr, time::Duration};

use secrecy::SecretString;
use signalbus_core::text::percent_decoded as decode;

use crate::{Compression, ConfigError, Credentials, KafkaConfig, Sasl};

impl KafkaConfig {
    /// Reads a configuration from a URL:
    ///
    /// | URL | means |
    /// |---|---|
    /// | `kafka://localhost` | port 9092, plain text, no sign-in |
    /// | `kafka://a:9092,b:9092` | two brokers to ask first |
    /// | `kafkas://a:9093` | TLS; `ca_file` is an authority to trust and no other |
    /// | `kafkas://user:p%40ss@a:9093` | signs in with `SCRAM-SHA-512`; `%40` and the like are decoded |
    ///
    /// Parameters: `sasl` (`plain`, `scram-sha-256`, `scram-sha-512`), `name`, `client_id`,
    /// `deadline_ms`, `compression` (`none`, `gzip`, `lz4`, `snappy`, `zstd`), `linger_ms`,
    /// `batch_bytes`, `waiting_bytes`, `max_payload`, `partitions` and `replication` (make topics
    /// that do not exist), `fetch_bytes`, `mirror_ms` (0 for never), `ca_file`.
    ///
    /// # Errors
    /// When the URL has another form. The message never has the password.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let (tls, rest) = match url.split_once("://") {
            Some(("kafka", rest)) => (false, rest),
            Some(("kafkas", rest)) => (true, rest),
            _ => return Err(problem("this one has another scheme")),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if rest.contains('#') || query.contains('#') {
            return Err(problem("this one has a fragment"));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (account, brokers) = match rest.rsplit_once('@') {
            Some((account, brokers)) => (Some(account), brokers),
            None => (None, rest),
        };
        let mut config = Self::new(brokers)?;
        let mut parameters = Parameters::read(query)?;
        config.sign_in(account, &mut parameters)?;
        config.secure(tls, &mut parameters)?;
        config.set(parameters)
    }

    fn sign_in(
        &mut self,
        account: Option<&str>,
        parameters: &mut Parameters,
    ) -> Result<(), ConfigError> {
        let mechanism = parameters.take("sasl");
        let Some(account) = account else {
            return match mechanism {
                None => Ok(()),
                Some(_) => Err(problem("`sasl` needs a user and a password")),
            };
        };
        let (user, password) = account
            .split_once(':')
            .filter(|(user, password)| !user.is_empty() && !password.is_empty())
            .ok_or(problem(
                "this one has a user without password, or the reverse",
            ))?;
        let bad = problem("this one has a bad percent-encoding");
        let (Some(user), Some(password)) = (decode(user), decode(password)) else {
            return Err(bad);
        };
        let credentials = Credentials::new(user, SecretString::from(password));
        self.sasl = Some(match mechanism.as_deref() {
            None | Some("scram-sha-512") => Sasl::ScramSha512(credentials),
            Some("scram-sha-256") => Sasl::ScramSha256(credentials),
            Some("plain") => Sasl::Plain(credentials),
            Some(_) => {
                let known = "`sasl` is none of plain, scram-sha-256 and scram-sha-512";
                return Err(problem(known));
            }
        });
        Ok(())
    }

    #[cfg(feature = "tls-ring")]
    fn secure(&mut self, tls: bool, parameters: &mut Parameters) -> Result<(), ConfigError> {
        let authority = parameters.take("ca_file");
        if !tls {
            return match authority {
                None => Ok(()),
                Some(_) => Err(problem("`ca_file` needs kafkas://")),
            };
        }
        let options = crate::TlsOptions::new();
        self.tls = Some(match authority {
            None => options,
            Some(file) => {
                let pem = std::fs::read_to_string(file)
                    .map_err(|_| problem("the file of `ca_file` cannot be read"))?;
                options.trust_only(pem)
            }
        });
        Ok(())
    }

    #[cfg(not(feature = "tls-ring"))]
    fn secure(&mut self, tls: bool, _: &mut Parameters) -> Result<(), ConfigError> {
        if tls {
            return Err(problem("kafkas:// needs the feature `tls-ring`"));
        }
        Ok(())
    }

    fn set(mut self, parameters: Parameters) -> Result<Self, ConfigError> {
        let (mut partitions, mut replication) = (None, None);
        for (name, value) in parameters.0 {
            let millis = || number(&value).map(Duration::from_millis);
            self = match name.as_str() {
                "name" => self.with_name(value),
                "client_id" => self.with_client_id(value),
                "deadline_ms" => self.with_deadline(millis()?),
                "compression" => {
                    let compression = Compression::named(&value)?;
                    self.with_compression(compression)
                }
                "linger_ms" => self.with_linger(millis()?),
                "batch_bytes" => self.with_batch_bytes(number(&value)?),
                "waiting_bytes" => self.with_waiting_bytes(number(&value)?),
                "max_payload" => self.with_max_payload(number(&value)?),
                "fetch_bytes" => self.with_fetch_bytes(number(&value)?),
                "mirror_ms" => {
                    let every = millis()?;
                    self.with_mirror((!every.is_zero()).then_some(every))
                }
                "partitions" => {
                    partitions = Some(number(&value)?);
                    self
                }
                "replication" => {
                    replication = Some(number(&value)?);
                    self
                }
                _ => return Err(problem("this one has a parameter that nobody knows")),
            };
        }
        match (partitions, replication) {
            (None, None) => {}
            (Some(partitions), Some(replication)) => {
                self = self.with_new_topics(partitions, replication);
            }
            _ => return Err(problem("`partitions` and `replication` go together")),
        }
        self.check()?;
        Ok(self)
    }
}

impl Compression {
    fn named(name: &str) -> Result<Self, ConfigError> {
        match name {
            "none" => Ok(Self::None),
            #[cfg(feature = "gzip")]
            "gzip" => Ok(Self::Gzip),
            #[cfg(feature = "lz4")]
            "lz4" => Ok(Self::Lz4),
            #[cfg(feature = "snappy")]
            "snappy" => Ok(Self::Snappy),
            #[cfg(feature = "zstd")]
            "zstd" => Ok(Self::Zstd),
            name if ["gzip", "lz4", "snappy", "zstd"].contains(&name) => {
                Err(problem("`compression` needs the feature of the same name"))
            }
            _ => Err(problem(
                "`compression` is none of none, gzip, lz4, snappy and zstd",
            )),
        }
    }
}

/// What stands behind the question mark, decoded.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn read(query: &str) -> Result<Self, ConfigError> {
        let mut read: Vec<(String, String)> = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = decode(value).ok_or(problem("this one has a bad percent-encoding"))?;
            if read.iter().any(|(known, _)| known == name) {
                return Err(problem("this one has a parameter twice"));
            }
            read.push((name.to_owned(), value));
        }
        Ok(Self(read))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(place).1)
    }
}

fn number<T: FromStr>(value: &str) -> Result<T, ConfigError> {
    let bad = "a parameter is no whole number within its range";
    value.parse().map_err(|_| problem(bad))
}

fn problem(problem: &'static str) -> ConfigError {
    ConfigError::Url { problem }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_url_says_everything() {
        let config = KafkaConfig::from_url(
            "kafka://app:p%40ss%3A@a:19092,b?sasl=scram-sha-256&name=events&client_id=shop&deadline_ms=250\
             &linger_ms=5&batch_bytes=1000&waiting_bytes=4000&max_payload=900&partitions=12&replication=3\
             &fetch_bytes=2048&mirror_ms=0",
        )
        .unwrap();
        let brokers: Vec<String> = config.brokers.iter().map(ToString::to_string).collect();
        assert_eq!(brokers, ["a:19092", "b:9092"]);
        let Some(Sasl::ScramSha256(credentials)) = &config.sasl else {
            panic!("another mechanism");
        };
        assert_eq!(credentials.user, "app");
        assert_eq!(credentials.password.expose_secret(), "p@ss:");
        assert_eq!(
            (config.name.as_str(), config.client_id.as_str()),
            ("events", "shop")
        );
        assert_eq!(config.deadline, Duration::from_millis(250));
        assert_eq!(config.producing.linger, Duration::from_millis(5));
        assert_eq!(config.producing.batch_bytes, 1000);
        assert_eq!(config.producing.waiting_bytes, 4000);
        assert_eq!(config.producing.max_payload, 900);
        let new = config.create.unwrap();
        assert_eq!((new.partitions, new.replication), (12, 3));
        assert_eq!((config.fetch_bytes, config.mirror), (2048, None));
        assert!(
            !format!("{config:?}").contains("p@ss"),
            "the password is shown"
        );
    }

    #[cfg(feature = "tls-ring")]
    #[test]
    fn the_scheme_says_whether_there_is_tls() {
        assert!(KafkaConfig::from_url("kafka://a").unwrap().tls.is_none());
        assert!(KafkaConfig::from_url("kafkas://a/").unwrap().tls.is_some());
    }

    #[test]
    fn urls_that_are_refused_say_what_is_wrong() {
        for (url, reason) in [
            ("", "another scheme"),
            ("localhost:9092", "another scheme"),
            ("redis://localhost", "another scheme"),
            ("kafka://", "host:port"),
            ("kafka://a,,b", "host:port"),
            ("kafka://a/topic", "host:port"),
            ("kafka://a?x=1", "nobody knows"),
            ("kafka://a?name=x&name=y", "twice"),
            ("kafka://a?linger_ms=soon", "whole number"),
            ("kafka://a?fetch_bytes=1", "fetch_bytes"),
            ("kafka://a?compression=rar", "compression"),
            ("kafka://a?partitions=3", "go together"),
            ("kafka://a?sasl=plain", "a user and a password"),
            ("kafka://user@a", "a user without"),
            ("kafka://:secret@a", "a user without"),
            ("kafka://user:secret@a?sasl=gssapi", "`sasl`"),
            ("kafka://user:%ff@a", "percent-encoding"),
            ("kafka://a#x", "fragment"),
            ("kafka://a?ca_file=x", "kafkas"),
        ] {
            let error = KafkaConfig::from_url(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
