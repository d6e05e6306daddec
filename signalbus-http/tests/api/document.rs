//! The document is what is committed, and what is served.

use axum::body::Body;
use http::Request;

use crate::support::world;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// To commit what changed, run it with `SIGNALBUS_WRITE_OPENAPI=1`.
#[test]
fn the_document_is_the_committed_one() {
    let document = signalbus_http::api::document();
    let text = format!("{}\n", document.to_pretty_json().unwrap());
    if std::env::var_os("SIGNALBUS_WRITE_OPENAPI").is_some() {
        std::fs::write(COMMITTED, &text).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED)
        .unwrap()
        .replace("\r\n", "\n");
    assert!(
        committed == text,
        "the API is not what signalbus-http/openapi.json says: run this test with \
         SIGNALBUS_WRITE_OPENAPI=1 and look at the difference"
    );
}

#[tokio::test]
async fn the_document_is_served_without_a_key() {
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let served = world().send(request).await;
    let document = serde_json::to_value(signalbus_http::api::document()).unwrap();
    assert_eq!(served.json(), document);
    assert_eq!(document["openapi"], "3.1.0");
}

#[test]
fn every_answer_and_body_is_described() {
    let document = serde_json::to_value(signalbus_http::api::document()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{at}");
            let name = operation["operationId"].as_str().unwrap().to_owned();
            assert!(names.insert(name), "{at}: its name is another's");
            let described = operation["responses"].as_object().unwrap().keys();
            let good = described.filter(|status| status.starts_with('2')).count();
            assert!(good >= 1, "{at}");
            if path != "/healthz" {
                assert!(operation["responses"]["default"].is_object(), "{at}");
            }
        }
    }
    let text = document.to_string();
    for missing in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = missing.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
    }
}
