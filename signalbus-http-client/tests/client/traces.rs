use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::MakeWriter;

use crate::server::{SECRET, answering, client, read_request, request, sent, serving};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Neither by us nor by what we are built on, at any level.
#[tokio::test]
async fn a_trace_shows_the_operation_but_no_url_header_or_body() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let body = format!(
        "HTTP/1.1 200 OK\r\nX-Key: {SECRET}\r\nContent-Length: {}\r\n\r\n{SECRET}",
        SECRET.len()
    );
    let base = answering(body, false).await;
    sent(&client(), request(&base, 10)).await.0.unwrap();
    let gone = serving(|mut connection| async move {
        read_request(&mut connection).await;
    })
    .await;
    sent(&client(), request(&gone, 10)).await.0.unwrap_err();

    let shown = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(shown.contains("operation=\"send\""), "{shown}");
    assert!(shown.contains("possibly_sent=true"), "{shown}");
    for secret in [SECRET, "v1", "czNjcjN0"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
