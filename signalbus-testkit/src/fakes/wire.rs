//! As much of HTTP/1.1 as the fakes need.

use std::io;

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt},
    net::TcpStream,
};

/// The head of a request, and its body once it was read.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn length(&self) -> usize {
        self.header("content-length")
            .and_then(|length| length.parse().ok())
            .unwrap_or(0)
    }

    pub(crate) fn segments(&self) -> Vec<&str> {
        self.path.trim_start_matches('/').split('/').collect()
    }

    /// User and password of `Authorization: Basic`.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    #[cfg(feature = "twilio")]
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    pub(crate) fn query_field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes())
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// Reads the head of a request; none when the client is gone.
pub(crate) async fn read_head<R: AsyncBufRead + Unpin>(
    connection: &mut R,
) -> io::Result<Option<Received>> {
    let Some(first) = line(connection).await? else {
        return Ok(None);
    };
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut received = Received {
        method: method.to_owned(),
        path: decode(path),
        query: query.to_owned(),
        headers: Vec::new(),
        body: Vec::new(),
    };
    received.headers = headers(connection).await?;
    Ok(Some(received))
}

pub(crate) async fn headers<R: AsyncBufRead + Unpin>(
    connection: &mut R,
) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    while let Some(line) = line(connection).await? {
        if line.is_empty() {
            return Ok(headers);
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

pub(crate) async fn line<R: AsyncBufRead + Unpin>(
    connection: &mut R,
) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if connection.read_until(b'\n', &mut bytes).await? == 0 {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Reads so many bytes, or up to the end.
pub(crate) async fn read_up_to<R: AsyncRead + Unpin>(
    connection: &mut R,
    count: usize,
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(count).unwrap_or(u64::MAX);
    connection.take(most).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// The bytes of an answer with its length.
pub(crate) fn answer(status: u16, headers: &[(String, String)], body: &str) -> Vec<u8> {
    let mut head = format!(
        "HTTP/1.1 {status} Fake\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.push_str(body);
    head.into_bytes()
}

/// Undoes percent-encoding in a path.
fn decode(path: &str) -> String {
    let form = format!("p={}", path.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, path)| path.into_owned())
        .unwrap_or_default()
}

/// Makes the other end see a reset, or an end if that is what the system does.
pub(crate) fn cut(connection: TcpStream) {
    drop(connection);
}
