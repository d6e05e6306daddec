//! Whom to trust.

use redis::{Client, ConnectionAddr, ConnectionInfo, TlsCertificates};

use crate::ConfigError;

/// The same server, trusted when this authority does; one without TLS stays as it is.
pub(crate) fn trusting(server: &ConnectionInfo, pem: &[u8]) -> Result<ConnectionInfo, ConfigError> {
    if !matches!(server.addr(), ConnectionAddr::TcpTls { .. }) {
        return Ok(server.clone());
    }
    if !pem.windows(11).any(|part| part == b"CERTIFICATE") {
        return Err(ConfigError::Authority);
    }
    let certificates = TlsCertificates {
        client_tls: None,
        root_cert: Some(pem.to_vec()),
    };
    let client =
        Client::build_with_tls(server.clone(), certificates).map_err(|_| ConfigError::Authority)?;
    Ok(client.get_connection_info().clone())
}
