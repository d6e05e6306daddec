//! Which address a request comes from.

use std::net::IpAddr;

use http::HeaderMap;

use crate::network::Network;

/// The proxies that stand before this process. What they say in `X-Forwarded-For` is believed, and what anybody
/// else says there is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// Nobody stands there: whoever connects is the client.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// These.
    pub fn of(networks: impl IntoIterator<Item = Network>) -> Self {
        Self(networks.into_iter().collect())
    }

    fn have(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who asks, when this is who has connected: from behind, the first that is none of the proxies. Each proxy
    /// writes who has connected to it, so that everything before that is the client's own word.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .map(|line| line.to_str().unwrap_or("?"))
            .collect();
        let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        for hop in hops {
            if !self.have(client) {
                break;
            }
            match address_of(hop.trim()) {
                Some(address) => client = address,
                None => break,
            }
        }
        client
    }
}

/// An address, with a port or without.
fn address_of(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let address = match bare {
        Some((address, _)) => address.parse().ok()?,
        None => match hop.parse() {
            Ok(address) => address,
            Err(_) => hop
                .parse::<std::net::SocketAddrV4>()
                .map(|it| (*it.ip()).into())
                .ok()?,
        },
    };
    Some(IpAddr::to_canonical(&address))
}

/// Where a request comes from: in the extensions of each request of an API that was told its proxies
/// ([`Api::proxies`]), for layers and handlers of the host.
///
/// [`Api::proxies`]: crate::Api::proxies
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxies: &[&str], peer: &str, lines: &[&str]) -> String {
        let proxies = Proxies::of(proxies.iter().map(|network| network.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_proxies_are_believed() {
        let inner = &["10.0.0.0/8", "192.0.2.7"];
        for (proxies, peer, lines, expected) in [
            (
                &[][..],
                "198.51.100.1",
                &["203.0.113.9"][..],
                "198.51.100.1",
            ),
            (inner, "198.51.100.1", &["203.0.113.9"], "198.51.100.1"),
            (inner, "10.0.0.1", &[], "10.0.0.1"),
            (inner, "10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            (inner, "::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            // What stands before the word of a proxy is the client's own.
            (
                inner,
                "10.0.0.1",
                &["127.0.0.1, 203.0.113.9"],
                "203.0.113.9",
            ),
            (
                inner,
                "10.0.0.1",
                &["10.0.0.9", "203.0.113.9"],
                "203.0.113.9",
            ),
            (
                inner,
                "10.0.0.1",
                &["203.0.113.9", "10.0.0.9"],
                "203.0.113.9",
            ),
            (
                inner,
                "10.0.0.1",
                &["1.1.1.1, 203.0.113.9, 192.0.2.7, 10.2.3.4"],
                "203.0.113.9",
            ),
            (inner, "10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            (inner, "10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            // What cannot be read ends the walk.
            (inner, "10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1"),
            (
                inner,
                "10.0.0.1",
                &["203.0.113.9, unknown, 10.2.3.4"],
                "10.2.3.4",
            ),
            (inner, "10.0.0.1", &[""], "10.0.0.1"),
        ] {
            assert_eq!(client(proxies, peer, lines), expected, "{peer} {lines:?}");
        }
    }
}
