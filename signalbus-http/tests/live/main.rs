//! The API over real sockets: clients that are slow, half gone, many, or rude.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use axum::{Extension, routing::get};
use signalbus::{
    Entropy, MemoryStore, Policy, Signalbus, Store, channel::Email, store::DeliveryFilter,
};
use signalbus_core::{
    directory::{
        MemoryDirectory, Owner,
        keys::{NewKey, Pepper, Scope},
    },
    store::PageToken,
};
use signalbus_http::{
    Api, ServeOptions,
    api::{ApiLimits, ClientAddress, Proxies},
    serve,
};
use signalbus_testkit::provider::RecordingProvider;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use utoipa_axum::router::OpenApiRouter;

struct Live {
    address: String,
    key: String,
    store: Arc<dyn Store>,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

const EVENT: &str =
    r#"{"topic":"a","to":[{"addresses":{"email":"ada@example.org"}}],"idempotency":"none"}"#;

#[expect(clippy::disallowed_methods, reason = "the server runs beside the test")]
async fn live(options: ServeOptions, limits: ApiLimits) -> Live {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let signalbus = Signalbus::builder()
        .shared_store(Arc::clone(&store))
        .channel(
            Email::from("hello@acme.example").unwrap(),
            RecordingProvider::<Email>::new(),
        )
        .policy(Policy::new().on::<Email>("*"))
        .build()
        .unwrap();
    let pepper = Pepper::generate(&Entropy::from_os());
    let whence =
        async |Extension(ClientAddress(client)): Extension<ClientAddress>| client.to_string();
    let api = Api::new(signalbus, Arc::new(MemoryDirectory::new()), pepper)
        .limits(limits.with_rate(None))
        .proxies(Proxies::of(["127.0.0.1".parse().unwrap()]))
        .own(OpenApiRouter::new().route("/whence", get(whence)));
    let new = NewKey::new(Owner::Host, "live", Scope::ALL);
    let (token, _) = api.keys().issue("test", new).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (stop, told) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, api.router(), options, async {
        let _ = told.await;
    }));
    Live {
        address,
        key: token.expose().to_owned(),
        store,
        stop: Some(stop),
        server,
    }
}

impl Live {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    fn head(&self, length: usize, more: &str) -> String {
        format!(
            "POST /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n",
            self.key
        )
    }

    async fn stored(&self) -> usize {
        let (all, first) = (DeliveryFilter::new(), PageToken::first(1_000));
        let page = self.store.list(&all, first).await.unwrap();
        page.items.len()
    }

    /// One whole request, and all that is answered until the server closes.
    async fn publish(&self) -> String {
        let mut stream = self.connect().await;
        let request = format!("{}{EVENT}", self.head(EVENT.len(), "connection: close\r\n"));
        stream.write_all(request.as_bytes()).await.unwrap();
        read(&mut stream).await
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_client_that_does_not_say_what_it_wants_is_dropped() {
    let options = ServeOptions::default().with_head_time(Duration::from_millis(200));
    let live = live(options, ApiLimits::default()).await;
    for said in [
        "",
        "POST /v1/ev",
        "POST /v1/events HTTP/1.1\r\nhost: a\r\nx: ",
    ] {
        let mut stream = live.connect().await;
        stream.write_all(said.as_bytes()).await.unwrap();
        // Comes to an end, without an answer of ours.
        assert!(!read(&mut stream).await.contains("202"));
    }
    // Between two requests, too.
    let mut stream = live.connect().await;
    let request = format!("{}{EVENT}", live.head(EVENT.len(), ""));
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(read(&mut stream).await.starts_with("HTTP/1.1 202"));
    assert_eq!(live.stored().await, 1);
}

#[tokio::test]
async fn a_body_that_stops_is_given_up_and_nothing_is_stored() {
    let limits = ApiLimits::default().with_body_time(Duration::from_millis(200));
    let live = live(ServeOptions::default(), limits).await;
    let mut stream = live.connect().await;
    let half = &EVENT[..EVENT.len() / 2];
    let request = format!("{}{half}", live.head(EVENT.len(), "connection: close\r\n"));
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = read(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("urn:signalbus:problem:body-too-slow"),
        "{answer}"
    );
    assert_eq!(live.stored().await, 0);
}

#[tokio::test]
async fn a_client_that_leaves_half_way_leaves_nothing() {
    let live = live(ServeOptions::default(), ApiLimits::default()).await;
    for cut in (0..EVENT.len()).step_by(7) {
        let mut stream = live.connect().await;
        let request = format!("{}{}", live.head(EVENT.len(), ""), &EVENT[..cut]);
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
    }
    assert!(live.publish().await.starts_with("HTTP/1.1 202"));
    assert_eq!(live.stored().await, 1);
}

#[tokio::test]
async fn rude_requests_are_answered_or_dropped_and_the_server_goes_on() {
    let live = live(ServeOptions::default(), ApiLimits::default()).await;
    let headers = "x: y\r\n".repeat(200);
    let long = format!("x: {}\r\n", "y".repeat(100_000));
    let chunked = format!(
        "POST /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        live.key
    );
    let both = live.head(
        EVENT.len(),
        "transfer-encoding: chunked\r\nconnection: close\r\n",
    );
    let requests = [
        "GARBAGE\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00".to_owned() + &"\0".repeat(500),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n"),
        format!("GET / HTTP/1.1\r\nhost: a\r\n{long}\r\n"),
        live.head(usize::MAX, ""),
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n".to_owned(),
        chunked,
        format!("{both}0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"),
    ];
    for request in requests {
        let mut stream = live.connect().await;
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.shutdown().await;
        let answer = read(&mut stream).await;
        let shown: String = request.chars().take(40).collect();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{shown:?}: {answer}"
        );
        assert!(
            !answer.contains("HTTP/1.1 204"),
            "a request was smuggled: {answer}"
        );
    }
    assert!(live.publish().await.starts_with("HTTP/1.1 202"));
    assert_eq!(live.stored().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_answered_each_in_its_turn_or_told_to_come_again() {
    let options = ServeOptions::default().with_connections(16);
    let live = live(options, ApiLimits::default().with_concurrency(4)).await;
    let answers = futures::future::join_all((0..300).map(|_| live.publish())).await;
    let count = |status: &str| {
        answers
            .iter()
            .filter(|answer| answer.starts_with(status))
            .count()
    };
    let (taken, busy) = (count("HTTP/1.1 202"), count("HTTP/1.1 503"));
    assert_eq!(taken + busy, answers.len(), "every one has an answer");
    assert_eq!(live.stored().await, taken, "and what was answered was done");
    assert!(taken > 0);
    for answer in answers
        .iter()
        .filter(|answer| answer.starts_with("HTTP/1.1 503"))
    {
        assert!(answer.contains("retry-after: 1"), "{answer}");
    }
    assert!(live.publish().await.starts_with("HTTP/1.1 202"));
}

#[tokio::test]
async fn a_server_that_stops_finishes_what_it_began() {
    let mut live = live(ServeOptions::default(), ApiLimits::default()).await;
    let (first, rest) = EVENT.split_at(10);
    let mut begun = live.connect().await;
    let request = format!("{}{first}", live.head(EVENT.len(), ""));
    begun.write_all(request.as_bytes()).await.unwrap();
    let mut idle = live.connect().await;
    // Both connections are taken when a later one has been answered.
    assert!(live.publish().await.starts_with("HTTP/1.1 202"));
    live.stop.take().unwrap().send(()).unwrap();
    assert_eq!(read(&mut idle).await, "", "who asked for nothing is closed");
    begun.write_all(rest.as_bytes()).await.unwrap();
    assert!(read(&mut begun).await.starts_with("HTTP/1.1 202"));
    live.server.await.unwrap().unwrap();
    assert_eq!(
        live.store
            .list(&DeliveryFilter::new(), PageToken::first(9))
            .await
            .unwrap()
            .items
            .len(),
        2
    );
    assert!(TcpStream::connect(&live.address).await.is_err());
}

#[tokio::test]
async fn the_address_of_a_client_is_known_behind_a_proxy_too() {
    let live = live(ServeOptions::default(), ApiLimits::default()).await;
    for (header, expected) in [
        ("", "127.0.0.1"),
        ("x-forwarded-for: 203.0.113.9\r\n", "203.0.113.9"),
        ("x-forwarded-for: 10.0.0.1, 203.0.113.9\r\n", "203.0.113.9"),
        ("x-forwarded-host: evil.example\r\n", "127.0.0.1"),
    ] {
        let mut stream = live.connect().await;
        let request =
            format!("GET /whence HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read(&mut stream).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{answer}");
    }
}
