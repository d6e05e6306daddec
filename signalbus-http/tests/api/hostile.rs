//! Whatever somebody sends: a problem that says what to do, never a fault of ours, and never what they
//! sent.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use signalbus_core::directory::{Owner, keys::Scope};

use crate::{
    support::{ask, signup, world},
    table::{Needs, table},
};

const STRINGS: &[&str] = &[
    "",
    " ",
    "\0",
    "a\0b",
    "\u{1b}[31m",
    "\r\nX-Evil: 1",
    "' OR '1'='1",
    "'; DROP TABLE event; --",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "${jndi:ldap://a}",
    "../../etc/passwd",
    "%00",
    "%",
    "\u{202e}abc",
    "\u{feff}",
    "\u{2028}",
    "🦀",
    "null",
    "true",
    "-1",
    "1e400",
    "NaN",
    "9223372036854775808",
    "00000000-0000-0000-0000-000000000000",
];

/// Puts `text` in the place of every string of a value, one after the other.
fn with_each_string(value: &Value, text: &str) -> Vec<Value> {
    let mut made = Vec::new();
    match value {
        Value::String(_) => made.push(text.into()),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                for other in with_each_string(item, text) {
                    let mut items = items.clone();
                    items[place] = other;
                    made.push(items.into());
                }
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                for other in with_each_string(field, text) {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), other);
                    made.push(fields.into());
                }
            }
        }
        _ => {}
    }
    made
}

#[tokio::test]
async fn hostile_strings_in_every_field_make_no_fault() {
    let world = world();
    let key = world.key_of(Owner::Host, &Scope::ALL).await;
    let long = "x".repeat(5_000);
    for route in table() {
        let Some(body) = &route.body else { continue };
        let path = route
            .path
            .replace("{id}", "x")
            .replace("{topic}", "user.signup")
            .replace("{name}", "user.signup");
        for text in STRINGS.iter().copied().chain([long.as_str()]) {
            for body in with_each_string(body, text) {
                let answer = world.call(route.method, &key, &path, &body).await;
                let at = format!("{} {path} {text:?} {body}: {answer:?}", route.method);
                assert!(!answer.status.is_server_error(), "{at}");
                if answer.status.is_client_error() {
                    answer.problem();
                }
            }
        }
    }
}

#[tokio::test]
async fn hostile_strings_in_every_path_make_no_fault() {
    let world = world();
    let key = world.key_of(Owner::Host, &Scope::ALL).await;
    for route in table().iter().filter(|route| route.path.contains('{')) {
        for text in STRINGS {
            let mut escaped = String::new();
            for byte in text.bytes() {
                escaped.push_str(&format!("%{byte:02x}"));
            }
            let path = route
                .path
                .replace("{id}", &escaped)
                .replace("{topic}", &escaped)
                .replace("{name}", &escaped);
            let body = route.body.clone().unwrap_or(json!({}));
            let answer = world.call(route.method, &key, &path, &body).await;
            assert!(
                !answer.status.is_server_error(),
                "{} {path}: {answer:?}",
                route.method
            );
        }
        for raw in ["%", "%zz", "%ff%fe", "%c0%af"] {
            let path = route
                .path
                .replace("{id}", raw)
                .replace("{topic}", raw)
                .replace("{name}", raw);
            let answer = world.call(route.method, &key, &path, &json!({})).await;
            assert!(
                !answer.status.is_server_error(),
                "{} {path}: {answer:?}",
                route.method
            );
            if answer.status.is_client_error() {
                answer.problem();
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_json_is_a_problem() {
    let world = world();
    let key = world.key_of(Owner::Host, &Scope::ALL).await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(20_000), close.repeat(20_000));
    let bodies = [
        String::new(),
        " ".to_owned(),
        "{".to_owned(),
        "{}{}".to_owned(),
        "null".to_owned(),
        "1".to_owned(),
        "\"a\"".to_owned(),
        "[".to_owned(),
        "[[".to_owned(),
        "{\"a\":".to_owned(),
        "nul".to_owned(),
        "{\"to\":1}".to_owned(),
        "{\"to\":[],\"to\":[]}".to_owned(),
        "\u{feff}{}".to_owned(),
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!("{{\"data\":{}1{}}}", "[".repeat(5_000), "]".repeat(5_000)),
    ];
    for route in table().iter().filter(|route| route.body.is_some()) {
        let path = route
            .path
            .replace("{id}", "x")
            .replace("{topic}", "user.signup")
            .replace("{name}", "user.signup");
        for body in &bodies {
            let request = ask(route.method, &path, &key).header("content-type", "application/json");
            let answer = world
                .send(request.body(Body::from(body.clone())).unwrap())
                .await;
            let at = format!("{} {path} {}", route.method, &body[..body.len().min(20)]);
            // Of many events each has its own answer.
            if route.path == "/v1/events" && answer.status == StatusCode::OK {
                let answers = answer.json()["answers"].as_array().unwrap().clone();
                assert!(
                    answers.iter().all(|answer| answer["status"] == 422),
                    "{at}: {answer:?}"
                );
                continue;
            }
            assert!(answer.status.is_client_error(), "{at}: {answer:?}");
            answer.problem();
        }
        let request = ask(route.method, &path, &key).header("content-type", "application/json");
        let answer = world
            .send(request.body(Body::from(&b"{\"\xff\":1}"[..])).unwrap())
            .await;
        assert!(answer.status.is_client_error());
    }
}

#[tokio::test]
async fn a_wrong_type_in_every_field_is_named_and_not_repeated() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish]).await;
    let fields = [
        "topic",
        "to",
        "data",
        "idempotency",
        "class",
        "locale",
        "send_at",
        "expires_at",
        "order",
        "options",
        "attachments",
        "tenant",
    ];
    for field in fields {
        for wrong in [
            json!("SECRET\u{1}"),
            json!(["SECRET"]),
            json!({ "name": "SECRET" }),
            json!(4711),
            json!(true),
        ] {
            let mut event = signup("1");
            event[field] = wrong;
            let answer = world.post(&key, "/v1/events", &event).await;
            assert!(!answer.status.is_server_error(), "{event}");
            if answer.status != StatusCode::ACCEPTED {
                answer.problem();
                assert!(!answer.text.contains("SECRET"), "{event} {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_deep_value_is_refused_by_depth_and_not_by_falling_over() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish]).await;
    for (depth, status) in [(60, 202), (70, 422), (126, 400), (10_000, 400)] {
        let data = format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        let event = format!(
            "{{\"topic\":\"user.signup\",\"to\":[{{}}],\"idempotency\":\"none\",\"data\":{data}}}"
        );
        for body in [event.clone(), format!("[{event}]")] {
            let request =
                ask("POST", "/v1/events", &key).header("content-type", "application/json");
            let many = body.starts_with('[');
            let answer = world.send(request.body(Body::from(body)).unwrap()).await;
            let said = if many && answer.status == StatusCode::OK {
                answer.json()["answers"][0]["status"].as_u64().unwrap()
            } else {
                u64::from(answer.status.as_u16())
            };
            // One level deeper within the array, where the parser counts.
            assert!(
                said == status || (many && said == 400 && status != 202),
                "{depth} {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn odd_headers_make_no_fault() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    for route in table().iter().filter(|route| route.needs != Needs::Nothing) {
        let path = route
            .path
            .replace("{id}", "x")
            .replace("{topic}", "user.signup")
            .replace("{name}", "user.signup");
        for name in [
            "idempotency-key",
            "if-match",
            "if-none-match",
            "signalbus-tenant",
            "traceparent",
            "tracestate",
            "x-request-id",
            "x-forwarded-for",
            "content-length",
        ] {
            for value in [
                &b""[..],
                b"\xff\xfe",
                b"\"",
                b"\"\\\"",
                b"*",
                b"99999999999999999999",
                b"a, b",
            ] {
                let request = Request::builder()
                    .method(route.method)
                    .uri(&path)
                    .header("authorization", format!("Bearer {key}"))
                    .header("content-type", "application/json")
                    .header(name, http::HeaderValue::from_bytes(value).unwrap());
                let body = route
                    .body
                    .clone()
                    .map_or_else(Body::empty, |body| Body::from(body.to_string()));
                let answer = world.send(request.body(body).unwrap()).await;
                assert!(
                    !answer.status.is_server_error(),
                    "{} {path} {name}: {answer:?}",
                    route.method
                );
            }
        }
    }
}
