use std::time::Duration;

use reqwest::{Client, redirect::Policy};
use serde_json::{Value, json};
use signalbus::{
    channel::Sms,
    provider::{Fault, Outcome, SendError},
};
use signalbus_testkit::provider_suite::Subject;
use tokio::net::TcpListener;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::pigeon::Pigeon;

fn subject(url: String) -> Subject<Sms> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().redirect(Policy::none()).build().unwrap();
    Subject::new(Sms::new(), Pigeon { http, url })
        .to("+447700900123")
        .part("sms.txt", "Your parcel is at the door")
}

async fn answering(respond: impl Respond + 'static) -> Subject<Sms> {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(respond)
        .mount(&server)
        .await;
    subject(server.uri()).keep(server)
}

/// Takes every text, and names it after our reference.
fn taken(request: &Request) -> ResponseTemplate {
    let body: Value = request.body_json().unwrap();
    ResponseTemplate::new(202).set_body_json(json!({ "id": body["reference"] }))
}

signalbus_testkit::provider_suite! {
    reports_start: true,
    recognises_repeats: false,
    looks_up: false,
    open: async || answering(taken).await,
    unreachable: async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        subject(format!("http://{}", listener.local_addr().unwrap()))
    },
}

#[tokio::test]
async fn an_answer_says_what_became_of_the_text() {
    use Fault::{Configuration, Message, Provider, Quota};
    use Outcome::{Permanent, Retryable};
    for (status, outcome, fault) in [
        (302, Permanent, Configuration),
        (400, Permanent, Message),
        (401, Permanent, Configuration),
        (403, Permanent, Configuration),
        (422, Permanent, Message),
        (429, Retryable, Quota),
        (500, Retryable, Provider),
        (503, Retryable, Provider),
    ] {
        let error = refusal(answering(ResponseTemplate::new(status)).await).await;
        assert_eq!(
            (error.outcome(), error.fault()),
            (outcome, fault),
            "{status}"
        );
        assert_eq!(error.code(), Some(status.to_string().as_str()));
        assert_eq!(error.retry_after(), None);
    }
}

#[tokio::test]
async fn a_wait_is_passed_on() {
    for (value, wait) in [("7", Some(7)), ("soon", None), ("-1", None)] {
        let response = ResponseTemplate::new(429).insert_header("Retry-After", value);
        let error = refusal(answering(response).await).await;
        assert_eq!(
            error.retry_after(),
            wait.map(Duration::from_secs),
            "{value}"
        );
    }
}

#[tokio::test]
async fn the_id_is_kept_if_there_is_one() {
    for (body, id) in [
        (r#"{"id":"p-1"}"#, Some("p-1")),
        (r#"{"id":17}"#, None),
        ("ok", None),
    ] {
        let response = ResponseTemplate::new(200).set_body_string(body);
        let sent = answering(response).await.send_sample().await;
        assert_eq!(sent.id(), id, "{body}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_it_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        connection.readable().await.unwrap();
    });
    let error = refusal(subject(url)).await;
    assert_eq!(error.outcome(), Outcome::Unknown);
    server.await.unwrap();
}

/// A provider is small: that is the promise of the trait.
#[test]
fn it_has_under_40_lines() {
    let source = include_str!("../../http_provider/provider.rs");
    let lines = source
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty() || line.starts_with("use "))
        .filter(|line| !line.is_empty() && !line.starts_with("//"));
    assert!(lines.count() < 40);
}

async fn refusal(subject: Subject<Sms>) -> SendError {
    subject.send(&subject.parcel()).await.unwrap_err()
}
