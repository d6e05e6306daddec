//! A server that does to one connection after another what the test says.

use std::sync::Arc;

use signalbus::{Clock, provider::Latch};
use signalbus_http_client::{
    Answer, BaseUrl, HttpClient, HttpConfig, HttpError, Request, TlsConfig,
};
use signalbus_testkit::ManualClock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

pub(crate) const SECRET: &str = "s3cr3t";

/// Listens, and hands each connection to `serve`.
pub(crate) async fn serving<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> BaseUrl
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(serve(connection));
        }
    });
    BaseUrl::parse(&url).unwrap()
}

/// Answers each request on a connection with these bytes, and then keeps it open or not.
pub(crate) async fn answering(answer: impl Into<Vec<u8>>, keep: bool) -> BaseUrl {
    let answer: Arc<Vec<u8>> = Arc::new(answer.into());
    serving(move |mut connection| {
        let answer = Arc::clone(&answer);
        async move {
            while read_request(&mut connection).await {
                connection.write_all(&answer).await.unwrap();
                if !keep {
                    return;
                }
            }
        }
    })
    .await
}

/// Reads one request whole; false when the client went away before.
pub(crate) async fn read_request(connection: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let mut left: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        let most = left.min(buffer.len());
        match connection.read(&mut buffer[..most]).await {
            Ok(0) | Err(_) => return false,
            Ok(count) => left -= count,
        }
    }
    true
}

pub(crate) fn client() -> HttpClient {
    HttpClient::new(HttpConfig::default()).unwrap()
}

/// A client whose time stands still until the test moves it.
pub(crate) fn patient(clock: &ManualClock) -> HttpClient {
    let config = HttpConfig::default().clock(Arc::new(clock.clone()));
    HttpClient::new(config).unwrap()
}

pub(crate) fn trusting(root: &[u8]) -> HttpClient {
    let tls = TlsConfig::default().only_own_roots().with_root(root);
    HttpClient::new(HttpConfig::default().tls(tls)).unwrap()
}

/// A request with a body of so many bytes, and secrets wherever one can be.
pub(crate) fn request(base: &BaseUrl, bytes: usize) -> Request {
    let url = base.join(["v1", SECRET]).query([("key", SECRET)]);
    Request::post("send", url)
        .basic_auth("api", &SECRET.into())
        .header("X-Key", SECRET)
        .bytes("text/plain", vec![b'x'; bytes].into())
}

pub(crate) async fn sent(
    client: &HttpClient,
    request: Request,
) -> (Result<Answer, HttpError>, bool) {
    let latch = Latch::default();
    let result = client.send(request, &latch).await;
    (result, latch.is_set())
}

/// Lets time pass in steps until the future is done, but only when nothing else can move.
pub(crate) async fn in_time<T>(clock: &ManualClock, future: impl Future<Output = T>) -> T {
    tokio::pin!(future);
    loop {
        tokio::select! {
            biased;
            done = &mut future => return done,
            // Real time, because the other end is a real socket; the outcome does not hang on it.
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {
                clock.advance(std::time::Duration::from_millis(2500));
            }
        }
    }
}

/// Tells the test when something happened on the other end.
pub(crate) fn bell() -> (mpsc::UnboundedSender<()>, mpsc::UnboundedReceiver<()>) {
    mpsc::unbounded_channel()
}

pub(crate) fn elapsed(clock: &ManualClock) -> u64 {
    clock.monotonic().as_secs()
}
