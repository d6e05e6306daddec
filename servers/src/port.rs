//! Ports that nobody listens on.

use std::net::TcpListener;

/// A free port of the loopback interface. Somebody else may take it before it is used.
pub(crate) fn free() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok(address.port())
}
