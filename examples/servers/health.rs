//! A server asks itself: what images without a shell are watched with.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long a server has to answer, each time that something is waited for.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks the server that listens there for `/readyz`.
///
/// # Errors
/// When it does not answer within four seconds, or does not say that it is ready: with what it said.
pub fn ask(listens_on: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&reachable(listens_on), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // HTTP/1.0: the answer ends with the connection (RFC 1945 section 7.2.2).
    stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(1 << 16).read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    // 200 or 204: it depends on whether there is something to say.
    if status.len() == 3 && status.starts_with('2') {
        return Ok(());
    }
    let said = answer.rsplit("\r\n\r\n").next().unwrap_or_default();
    Err(io::Error::other(format!("not ready: {status} {said}")))
}

/// Whoever listens everywhere is reached here.
fn reachable(listens_on: SocketAddr) -> SocketAddr {
    let ip = match listens_on.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens_on.port())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answer_with(answer: &'static str) -> io::Result<()> {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // All of it: what is left unread would break off the answer.
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                asked.extend(byte);
            }
            assert!(asked.starts_with(b"GET /readyz HTTP/1.0\r\n"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let said = ask(address);
        server.join().unwrap();
        said
    }

    #[test]
    fn only_success_is_ready_and_what_was_said_is_told() {
        assert!(answer_with("HTTP/1.0 200 OK\r\n\r\nready\n").is_ok());
        assert!(answer_with("HTTP/1.1 204 No Content\r\n\r\n").is_ok());
        let error = answer_with("HTTP/1.1 503 Unavailable\r\n\r\nno topic\n").unwrap_err();
        assert_eq!(error.to_string(), "not ready: 503 no topic\n");
        assert!(answer_with("").is_err());
    }

    #[test]
    fn nobody_there_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        assert!(ask(address).is_err());
    }
}
