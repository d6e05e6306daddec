use std::{fmt::Debug, net::SocketAddr, sync::Arc};

use async_trait::async_trait;

use super::is_public;
use crate::network::Network;

/// Looks up the addresses of a host.
#[async_trait]
pub trait Lookup: Debug + Send + Sync + 'static {
    /// All addresses of this host, with this port.
    ///
    /// # Errors
    /// When nobody can say.
    async fn lookup(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>>;
}

/// The look-up of the operating system.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Keeps what tenants name from leading into networks of the host.
///
/// A name may stand for a public address when it is checked and for a private one when it is used. So
/// [`AddressGuard::resolve`] gives the addresses that it checked: connect to one of these, and look the
/// name up nowhere else.
#[derive(Debug, Clone)]
pub struct AddressGuard {
    lookup: Arc<dyn Lookup>,
    allowed: Arc<[Network]>,
}

/// Why a host is refused. Never names an address of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// It is not the name of a host.
    #[error(
        "is not the name of a host: give one such as `smtp.example.com`, without scheme, port or path"
    )]
    NotAHost,
    /// It has no address, or nobody can say.
    #[error("has no address that can be looked up: check the name, or try again")]
    Unresolved,
    /// One of its addresses is not public.
    #[error("leads to an address that is not public: only hosts of the internet are taken")]
    NotPublic,
}

impl AddressGuard {
    /// A guard that asks the operating system.
    #[must_use]
    pub fn new() -> Self {
        Self::with_lookup(SystemLookup)
    }

    /// A guard that asks somebody else.
    #[must_use]
    pub fn with_lookup(lookup: impl Lookup) -> Self {
        Self {
            lookup: Arc::new(lookup),
            allowed: Arc::default(),
        }
    }

    /// Lets hosts lead into these networks, too: only where tenants may reach what else is there, by any port.
    #[must_use]
    pub fn allow(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.allowed = networks.into_iter().collect();
        self
    }

    /// The addresses of a host, all of them public or allowed. Call it again each time before connecting, and
    /// connect to what it gives. Cancel safe.
    ///
    /// # Errors
    /// When it is no name of a host, has no address, or one that is not public: a host that leads to
    /// both is refused, as it depends on chance which of them is used.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, GuardError> {
        if !is_host(host) {
            return Err(GuardError::NotAHost);
        }
        let found = self.lookup.lookup(host, port).await;
        let addresses = found.map_err(|_| GuardError::Unresolved)?;
        if addresses.is_empty() {
            return Err(GuardError::Unresolved);
        }
        let is_allowed = |ip| self.allowed.iter().any(|network| network.contains(ip));
        let mut ips = addresses.iter().map(SocketAddr::ip);
        if ips.all(|ip| is_public(ip) || is_allowed(ip)) {
            Ok(addresses)
        } else {
            Err(GuardError::NotPublic)
        }
    }
}

impl Default for AddressGuard {
    fn default() -> Self {
        Self::new()
    }
}

/// A name or an address as it stands in a URL, in ASCII. Whatever a resolver would read otherwise than a
/// person, such as `0x7f.1`, is looked up and judged by its address.
fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let name = !host.starts_with(['-', '.']) && !host.is_empty() && host.bytes().all(plain);
    host.len() <= 253 && (name || host.parse::<std::net::Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers in turn, the last one for ever.
    #[derive(Debug)]
    struct Answers(Mutex<Vec<Vec<&'static str>>>);

    #[async_trait]
    impl Lookup for Answers {
        async fn lookup(&self, _: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
            let mut answers = self.0.lock().unwrap();
            let answer = if answers.len() > 1 {
                answers.remove(0)
            } else {
                answers[0].clone()
            };
            Ok(answer
                .iter()
                .map(|ip| SocketAddr::new(ip.parse().unwrap(), port))
                .collect())
        }
    }

    fn guard(answers: &[&[&'static str]]) -> AddressGuard {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        AddressGuard::with_lookup(Answers(Mutex::new(answers)))
    }

    #[tokio::test]
    async fn a_name_that_turns_private_is_refused_when_it_is_used() {
        let guard = guard(&[&["93.184.215.14"], &["169.254.169.254"]]);
        let first = guard.resolve("smtp.example.com", 587).await.unwrap();
        assert_eq!(first, ["93.184.215.14:587".parse().unwrap()]);
        let second = guard.resolve("smtp.example.com", 587).await;
        assert_eq!(second, Err(GuardError::NotPublic));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_both_is_refused() {
        let both = guard(&[&["93.184.215.14", "10.0.0.1"]]);
        assert_eq!(
            both.resolve("a.example", 1).await,
            Err(GuardError::NotPublic)
        );
        let none = guard(&[&[]]);
        assert_eq!(
            none.resolve("a.example", 1).await,
            Err(GuardError::Unresolved)
        );
    }

    #[tokio::test]
    async fn a_network_that_is_allowed_is_taken_and_no_other() {
        let guard = guard(&[&["10.0.0.1"], &["10.1.0.1"]]).allow(["10.0.0.0/16".parse().unwrap()]);
        assert!(guard.resolve("a.example", 1).await.is_ok());
        let other = guard.resolve("a.example", 1).await;
        assert_eq!(other, Err(GuardError::NotPublic));
    }

    #[tokio::test]
    async fn what_is_no_host_is_not_looked_up() {
        let guard = guard(&[&["93.184.215.14"]]);
        for host in [
            "",
            "a b",
            "http://a",
            "a/b",
            "a:1",
            "a@b",
            "-a",
            ".a",
            "[::1]",
            "ä.example",
            "a\0",
        ] {
            assert_eq!(
                guard.resolve(host, 1).await,
                Err(GuardError::NotAHost),
                "{host:?}"
            );
        }
    }

    #[tokio::test]
    async fn ways_to_write_this_machine_are_seen_through() {
        let guard = AddressGuard::new();
        for host in ["127.0.0.1", "localhost", "::1", "0x7f.1", "2130706433", "0"] {
            let refused = guard.resolve(host, 80).await.unwrap_err();
            assert!(
                matches!(refused, GuardError::NotPublic | GuardError::Unresolved),
                "{host}"
            );
        }
    }
}
