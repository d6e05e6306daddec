use std::{future::pending, time::Duration};

use signalbus::{
    TraceContext,
    provider::{Fault, Outcome, SendError},
};
use signalbus_http_client::{BaseUrl, HttpErrorKind, Request};
use signalbus_testkit::ManualClock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::server::{
    SECRET, answering, bell, client, elapsed, in_time, patient, read_request, request, sent,
    serving,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn an_answered_request_was_started() {
    let base = answering(OK, true).await;
    for bytes in [1, 5_000_000] {
        let (answer, started) = sent(&client(), request(&base, bytes)).await;
        assert_eq!(answer.unwrap().status(), 200);
        assert!(started);
    }
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let base = BaseUrl::parse(&base).unwrap();
    assert_not_sent(&base, 10, HttpErrorKind::Connect).await;
}

#[tokio::test]
async fn a_host_without_address_is_not_sent() {
    let base = BaseUrl::parse("https://signalbus.invalid").unwrap();
    assert_not_sent(&base, 10, HttpErrorKind::Resolve).await;
}

#[tokio::test]
async fn a_request_that_cannot_be_written_is_the_fault_of_the_message() {
    let base = answering(OK, true).await;
    let bad = Request::post("send", base.join(["v1"])).header("X-Key", "a\r\nb: c");
    let (result, started) = sent(&client(), bad).await;
    let error = SendError::from(result.unwrap_err());
    assert_eq!(error.outcome(), Outcome::Permanent);
    assert_eq!(error.fault(), Fault::Message);
    assert!(!started);
}

#[tokio::test]
async fn a_cut_after_the_whole_request_may_have_been_sent() {
    let base = serving(|mut connection| async move {
        read_request(&mut connection).await;
    })
    .await;
    let (result, started) = sent(&client(), request(&base, 10)).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Broken);
    assert!(error.possibly_sent() && started);
    assert_eq!(SendError::from(error).outcome(), Outcome::Unknown);
}

/// A server must not act on an incomplete request (RFC 9112 section 8).
#[tokio::test]
async fn a_cut_within_a_large_request_is_not_sent() {
    let base = serving(|mut connection| async move {
        let mut some = [0; 1000];
        connection.read_exact(&mut some).await.unwrap();
    })
    .await;
    // More than socket buffers hold, so that the end never leaves this process.
    let (result, started) = sent(&client(), request(&base, 60_000_000)).await;
    let error = result.unwrap_err();
    assert!(!error.possibly_sent() && !started, "{error:?}");
    assert_eq!(SendError::from(error).outcome(), Outcome::Retryable);
}

#[tokio::test]
async fn what_is_not_http_may_have_been_sent() {
    for answer in ["220 mail.example ESMTP\r\n", "HTTP/1.1 2OO OK\r\n\r\n", ""] {
        let base = answering(answer, false).await;
        let (result, _) = sent(&client(), request(&base, 10)).await;
        let error = result.unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Broken, "{answer}");
        assert!(error.possibly_sent(), "{answer}");
    }
}

#[tokio::test]
async fn a_server_that_takes_and_says_nothing_meets_the_deadline() {
    let (rang, mut bell) = bell();
    let base = serving(move |mut connection| {
        let rang = rang.clone();
        async move {
            read_request(&mut connection).await;
            rang.send(()).unwrap();
            pending::<()>().await;
        }
    })
    .await;
    let clock = ManualClock::default();
    let client = patient(&clock);
    let send = sent(&client, request(&base, 10));
    tokio::pin!(send);
    tokio::select! {
        _ = &mut send => panic!("nothing was answered"),
        _ = bell.recv() => {}
    }
    let (result, started) = in_time(&clock, send).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Deadline);
    assert!(error.possibly_sent() && started);
    assert!((30..35).contains(&elapsed(&clock)));
}

#[tokio::test]
async fn a_server_that_stops_reading_is_given_up_and_nothing_is_sent() {
    let base = serving(|connection| async move {
        let _kept = connection;
        pending::<()>().await;
    })
    .await;
    let clock = ManualClock::default();
    let client = patient(&clock);
    let (result, started) = in_time(&clock, sent(&client, request(&base, 60_000_000))).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::TooSlow);
    assert!(!error.possibly_sent() && !started);
    assert!(elapsed(&clock) < 30);
}

/// Dropped before its end, a request leaves nothing behind that is still sent.
#[tokio::test]
async fn a_dropped_request_is_never_completed() {
    let (rang, mut bell) = bell();
    let base = serving(move |mut connection| {
        let rang = rang.clone();
        async move {
            let mut some = [0; 1000];
            connection.read_exact(&mut some).await.unwrap();
            rang.send(()).unwrap();
            assert!(!read_request(&mut connection).await, "it was completed");
            rang.send(()).unwrap();
        }
    })
    .await;
    let client = client();
    tokio::select! {
        _ = sent(&client, request(&base, 60_000_000)) => panic!("nothing was answered"),
        _ = bell.recv() => {}
    }
    bell.recv().await.unwrap();
}

/// A kept connection that the server has closed is no reason to doubt.
#[tokio::test]
async fn connections_are_kept_and_closed_ones_replaced() {
    let (rang, mut bell) = bell();
    let base = serving(move |mut connection| {
        let rang = rang.clone();
        async move {
            rang.send(()).unwrap();
            for _ in 0..2 {
                if read_request(&mut connection).await {
                    tokio::io::AsyncWriteExt::write_all(&mut connection, OK.as_bytes())
                        .await
                        .unwrap();
                }
            }
        }
    })
    .await;
    let client = client();
    for _ in 0..4 {
        let (answer, _) = sent(&client, request(&base, 10)).await;
        answer.unwrap();
        // The close has to arrive; it is on the same machine.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut connections = 0;
    while bell.try_recv().is_ok() {
        connections += 1;
    }
    assert_eq!(connections, 2);
}

async fn assert_not_sent(base: &BaseUrl, bytes: usize, kind: HttpErrorKind) {
    let (result, started) = sent(&client(), request(base, bytes)).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(!error.possibly_sent());
    assert!(!started, "the latch is set, though nothing was sent");
    assert!(!format!("{error} {error:?}").contains(SECRET));
    let error = SendError::from(error);
    assert_eq!(error.outcome(), Outcome::Retryable);
    assert_eq!(error.fault(), Fault::Provider);
    assert_eq!(error.code(), Some(kind.as_str()));
}

#[tokio::test]
async fn a_request_says_which_trace_it_is_a_part_of_and_nothing_of_its_state() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let base = BaseUrl::parse(&base).unwrap();
    let heard = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            head.push(connection.read_u8().await.unwrap());
        }
        connection.write_all(OK.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::new(parent, Some("host=secret")).unwrap();
    let request = Request::get("look", base.join(["v1"])).trace(Some(&trace));
    let (answer, _) = sent(&client(), request).await;
    assert_eq!(answer.unwrap().status(), 200);
    let head = heard.await.unwrap();
    assert!(
        head.contains(&format!("traceparent: {parent}\r\n")),
        "{head}"
    );
    assert!(!head.contains("secret"), "{head}");
}
