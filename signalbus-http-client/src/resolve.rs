use std::{io, net::SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The resolver of the operating system, with failures that can be told from others.
#[derive(Debug)]
pub(crate) struct SystemResolver;

/// The host name has no address.
#[derive(Debug, thiserror::Error)]
#[error("the host name has no address")]
pub(crate) struct NoAddress(#[source] io::Error);

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await
                .map_err(NoAddress)?
                .collect();
            if found.is_empty() {
                return Err(NoAddress(io::ErrorKind::NotFound.into()).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
