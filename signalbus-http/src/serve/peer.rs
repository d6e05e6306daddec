use std::net::SocketAddr;

/// Who has connected: in the extensions of each request that came in by [`serve`](super::serve()). A host with
/// another server puts it there, where it wants the API to know ([`Api::proxies`](crate::Api::proxies)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);
