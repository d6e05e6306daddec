//! DNS, for the checks of senders.

use std::net::SocketAddr;

use async_trait::async_trait;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::RData,
};
use signalbus::smtp::{ResolveError, Resolver};

use crate::failure::Failure;

/// The name servers of this machine, or one that was named.
pub(crate) struct Names(TokioResolver);

impl Names {
    pub(crate) fn new(server: Option<SocketAddr>) -> Result<Self, Failure> {
        let builder = match server {
            Some(server) => {
                let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
                udp.port = server.port();
                tcp.port = server.port();
                let server = NameServerConfig::new(server.ip(), true, vec![udp, tcp]);
                TokioResolver::builder_with_config(
                    ResolverConfig::from_name_servers(vec![server]),
                    TokioRuntimeProvider::default(),
                )
            }
            None => TokioResolver::builder_tokio().map_err(|error| {
                Failure::input("the name servers of this machine cannot be read", error)
            })?,
        };
        let resolver = builder
            .build()
            .map_err(|error| Failure::input("no name server can be asked", error))?;
        Ok(Self(resolver))
    }
}

#[async_trait]
impl Resolver for Names {
    async fn txt(&self, name: &str) -> Result<Vec<String>, ResolveError> {
        // With a dot at the end, no domain of this machine is tried behind it.
        let found = match self.0.txt_lookup(format!("{name}.")).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(_) => return Err(ResolveError),
        };
        let texts = found
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::TXT(text) => {
                    let bytes: Vec<u8> = text.txt_data.concat();
                    Some(String::from_utf8_lossy(&bytes).into_owned())
                }
                _ => None,
            });
        Ok(texts.collect())
    }
}
