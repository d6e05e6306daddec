use std::{future::pending, time::Duration};

use serde_json::Value;
use signalbus_http_client::{Answer, BodyFault};
use signalbus_testkit::ManualClock;
use tokio::io::AsyncWriteExt;

use crate::server::{
    SECRET, answering, client, elapsed, in_time, patient, read_request, request, sent, serving,
};

async fn answer_to(bytes: impl Into<Vec<u8>>) -> Answer {
    let base = answering(bytes, false).await;
    sent(&client(), request(&base, 10)).await.0.unwrap()
}

#[tokio::test]
async fn status_headers_and_body_come_back() {
    let answer = answer_to(
        "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 11\r\n\r\n{\"code\": 7}",
    )
    .await;
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.header("retry-after"), Some("7"));
    assert_eq!(answer.json::<Value>().unwrap()["code"], 7);
}

/// The other server would get the message too, and the credentials.
#[tokio::test]
async fn a_redirect_is_an_answer() {
    let elsewhere = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false).await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("http://{}/", elsewhere.host());
        let answer = answer_to(format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn a_cut_answer_keeps_its_status() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"id\":\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let answer = answer_to(text).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.json::<Value>(), Err(BodyFault::Cut), "{text}");
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n";
    let answer = answer_to(head).await;
    assert_eq!(answer.fault(), Some(BodyFault::TooLarge));

    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..40 {
        chunked.extend_from_slice(b"10000\r\n");
        chunked.extend(std::iter::repeat_n(b'x', 0x10000));
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = answer_to(chunked).await;
    assert_eq!(answer.fault(), Some(BodyFault::TooLarge));
    assert_eq!(answer.bytes().len(), 1024 * 1024);
}

#[tokio::test]
async fn an_answer_of_the_limit_is_whole() {
    let base = answering("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\"ab\"", false).await;
    for (limit, fault) in [(4, None), (3, Some(BodyFault::TooLarge))] {
        let limited = request(&base, 10).answer_limit(limit);
        let answer = sent(&client(), limited).await.0.unwrap();
        assert_eq!(answer.fault(), fault);
    }
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    for body in ["", "<html>", "{\"id\":}", "nul"] {
        let length = body.len();
        let answer = answer_to(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
        .await;
        assert_eq!(answer.json::<Value>(), Err(BodyFault::Malformed), "{body}");
    }
}

#[tokio::test]
async fn an_answer_that_drips_is_given_up_and_keeps_its_status() {
    let base = serving(|mut connection| async move {
        read_request(&mut connection).await;
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
        connection.write_all(head).await.unwrap();
        while connection.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let clock = ManualClock::default();
    let client = patient(&clock);
    let (result, _) = in_time(&clock, sent(&client, request(&base, 10))).await;
    let answer = result.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.fault(), Some(BodyFault::TooSlow));
    assert!(elapsed(&clock) < 30);
}

#[tokio::test]
async fn an_answer_that_stops_is_given_up_and_keeps_its_status() {
    let base = serving(|mut connection| async move {
        read_request(&mut connection).await;
        let head = b"HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nx";
        connection.write_all(head).await.unwrap();
        pending::<()>().await;
    })
    .await;
    let clock = ManualClock::default();
    let client = patient(&clock);
    let (result, _) = in_time(&clock, sent(&client, request(&base, 10))).await;
    let answer = result.unwrap();
    assert_eq!(
        (answer.status(), answer.fault()),
        (503, Some(BodyFault::TooSlow))
    );
}

#[tokio::test]
async fn debug_shows_no_answer() {
    let answer = answer_to(format!(
        "HTTP/1.1 200 OK\r\nX-Key: {SECRET}\r\nContent-Length: {}\r\n\r\n{SECRET}",
        SECRET.len()
    ))
    .await;
    assert!(!format!("{answer:?}").contains(SECRET));
}
