//! Every change is in the trail, with who made it. A route that is neither here nor makes a line fails.

use serde_json::{Value, json};
use signalbus_core::directory::{Owner, keys::Scope};

use crate::{
    support::{World, signup, world},
    table::{Needs, Object, table, things},
};

/// What leaves no line, and why.
const QUIET: &[(&str, &str)] = &[
    ("/v1/events", "what was published says so itself"),
    ("/v1/publish/{topic}", "what was published says so itself"),
    ("/v1/plan", "stores nothing"),
    ("/v1/deliveries/search", "looks"),
    ("/v1/events/search", "looks"),
    ("/v1/attempts/search", "looks"),
    ("/v1/receipts/search", "looks"),
    ("/v1/suppressions/check", "looks"),
    ("/v1/templates/{name}/preview", "stores nothing"),
    (
        "/v1/receipts",
        "the history of the delivery says what a provider said",
    ),
];

/// The lines of both trails, newest first.
async fn lines(world: &World, key: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/v1/audit?limit=200", "/v1/host/audit?limit=200"] {
        let page = world.get(key, path).await.json();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
    }
    all.sort_by_key(|line| std::cmp::Reverse(line["number"].as_u64()));
    all
}

/// Whatever has to be there for a route to change something, and what it is asked with then.
async fn prepared(world: &World, key: &str, path: &str, body: Option<Value>) -> Value {
    let body = body.unwrap_or(json!({}));
    let post = async |path: &str, body: &Value| world.post(key, path, body).await;
    match path {
        "/v1/redrives" => {
            let mut event = signup("dead");
            event["to"][0]["addresses"]["email"] = "no address".into();
            post("/v1/events", &event).await;
            let filter = json!({ "state": "dead", "reason": "invalid_address" });
            return json!({ "dry_run": false, "filter": filter });
        }
        "/v1/suppressions/remove" => drop(post("/v1/suppressions", &body).await),
        "/v1/pauses/end" => drop(post("/v1/pauses", &json!({ "reason": "audit" })).await),
        "/v1/host/pauses/end" => drop(post("/v1/host/pauses", &json!({ "reason": "audit" })).await),
        _ => {}
    }
    body
}

#[tokio::test]
async fn every_route_that_changes_something_says_who_changed_it() {
    let mut changing = 0;
    for route in table() {
        if route.method == "GET" || route.needs == Needs::Nothing {
            continue;
        }
        let at = format!("{} {}", route.method, route.path);
        let world = world();
        // Of the host, which acts for its own tenant: it may ask every route.
        let key = world.key_of(Owner::Host, &Scope::ALL).await;
        let thing = things(&world, &key).await;
        let body = prepared(&world, &key, route.path, route.body).await;
        let name = |object: Option<Object>| object.map_or("user.signup".to_owned(), &thing);
        let path = route
            .path
            .replace("{topic}", "user.signup")
            .replace("{id}", &name(route.names))
            .replace("{name}", &name(route.names));
        let before = lines(&world, &key).await;
        let answer = world.call(route.method, &key, &path, &body).await;
        assert!(answer.status.is_success(), "{at}: {answer:?}");
        let after = lines(&world, &key).await;
        if QUIET.iter().any(|(quiet, _)| *quiet == route.path) {
            assert_eq!(before.len(), after.len(), "{at}: not so quiet");
            continue;
        }
        assert!(
            after.len() > before.len(),
            "{at} leaves no line in the trail"
        );
        for line in &after[..after.len() - before.len()] {
            assert_eq!(
                line["actor"],
                format!("key:{}", &key[4..20]),
                "{at}: {line}"
            );
            assert!(!line["action"].as_str().unwrap().is_empty());
            assert!(!line.to_string().contains("example.org"), "{at}: {line}");
        }
        changing += 1;
    }
    assert!(changing >= 20, "{changing}");
    for (path, _) in QUIET {
        assert!(table().iter().any(|route| route.path == *path), "{path}");
    }
}
