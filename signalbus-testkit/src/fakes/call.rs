use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::wire;

/// What was answered to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Posts to an `http` URL of this machine, as a service does that calls back.
///
/// # Errors
/// When there is no answer.
///
/// # Panics
/// When the URL is none that can be called.
pub async fn call(url: &str, headers: &[(&str, &str)], body: &[u8]) -> std::io::Result<Answered> {
    let url = url::Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a host");
    let port = url.port_or_known_default().expect("a port");
    let target = url.query().map_or_else(
        || url.path().to_owned(),
        |query| format!("{}?{query}", url.path()),
    );
    let mut head = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut connection = BufReader::new(TcpStream::connect((host, port)).await?);
    let stream = connection.get_mut();
    stream.write_all(head.as_bytes()).await?;
    // A server may answer before it has read everything.
    let _ = stream.write_all(body).await;
    let first = wire::line(&mut connection).await?.unwrap_or_default();
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let headers = wire::headers(&mut connection).await?;
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.parse::<u64>().ok());
    let mut bytes = Vec::new();
    connection
        .take(length.unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)
        .await?;
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Answered { status, body })
}
