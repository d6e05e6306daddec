//! Every route, what it needs, and a request that it takes. A route that is missing here fails.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use signalbus_core::directory::{Owner, keys::Scope};

use crate::support::{World, ask, signup, world};

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    Key(Scope),
    HostKey,
}

/// One route.
pub(crate) struct Route {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) needs: Needs,
    /// What is sent, if it takes a body.
    pub(crate) body: Option<Value>,
    /// Whose object the path names: not found for another tenant.
    pub(crate) names: Option<Object>,
}

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Object {
    Event,
    Delivery,
    Key,
    Recipient,
    Template,
    Account,
}

/// Method, path, what it needs, a body, and what the path names.
type Row = (
    &'static str,
    &'static str,
    Needs,
    Option<Value>,
    Option<Object>,
);

pub(crate) fn table() -> Vec<Route> {
    use Needs::{HostKey, Key, Nothing};
    use Scope::{Admin, Operate, Publish, Read};
    let address = || json!({ "channel": "email", "address": "ada@example.org" });
    let rows: Vec<Row> = vec![
        ("GET", "/healthz", Nothing, None, None),
        ("GET", "/readyz", Nothing, None, None),
        (
            "POST",
            "/v1/events",
            Key(Publish),
            Some(signup("table")),
            None,
        ),
        (
            "POST",
            "/v1/publish/{topic}",
            Key(Publish),
            Some(json!({ "to": [{}], "idempotency": "none" })),
            None,
        ),
        (
            "POST",
            "/v1/plan",
            Key(Publish),
            Some(signup("table")),
            None,
        ),
        (
            "GET",
            "/v1/events/{id}",
            Key(Read),
            None,
            Some(Object::Event),
        ),
        (
            "POST",
            "/v1/events/{id}/cancel",
            Key(Operate),
            None,
            Some(Object::Event),
        ),
        ("GET", "/v1/events", Key(Read), None, None),
        ("GET", "/v1/dead-letters", Key(Read), None, None),
        ("GET", "/v1/attempts", Key(Read), None, None),
        ("GET", "/v1/receipts", Key(Read), None, None),
        ("GET", "/v1/suppressions", Key(Read), None, None),
        (
            "POST",
            "/v1/erasures",
            Key(Admin),
            Some(json!({ "who": [{ "id": "nobody" }, address()] })),
            None,
        ),
        ("GET", "/v1/deliveries", Key(Read), None, None),
        (
            "GET",
            "/v1/deliveries/{id}",
            Key(Read),
            None,
            Some(Object::Delivery),
        ),
        (
            "POST",
            "/v1/deliveries/{id}/cancel",
            Key(Operate),
            None,
            Some(Object::Delivery),
        ),
        (
            "POST",
            "/v1/deliveries/search",
            Key(Read),
            Some(address()),
            None,
        ),
        (
            "POST",
            "/v1/events/search",
            Key(Read),
            Some(address()),
            None,
        ),
        (
            "POST",
            "/v1/attempts/search",
            Key(Read),
            Some(address()),
            None,
        ),
        (
            "POST",
            "/v1/receipts/search",
            Key(Read),
            Some(address()),
            None,
        ),
        (
            "POST",
            "/v1/receipts",
            Key(Scope::Receipts),
            Some(json!({ "receipts": [{
                "provider": "recording", "id": "r1", "message": "m1", "kind": "delivered",
            }] })),
            None,
        ),
        (
            "POST",
            "/v1/redrives",
            Key(Operate),
            Some(json!({ "filter": {} })),
            None,
        ),
        (
            "POST",
            "/v1/suppressions",
            Key(Operate),
            Some(address()),
            None,
        ),
        (
            "POST",
            "/v1/suppressions/remove",
            Key(Operate),
            Some(address()),
            None,
        ),
        (
            "POST",
            "/v1/suppressions/check",
            Key(Read),
            Some(address()),
            None,
        ),
        ("GET", "/v1/pauses", Key(Read), None, None),
        (
            "POST",
            "/v1/pauses",
            Key(Operate),
            Some(json!({ "topic": "user.signup", "reason": "table" })),
            None,
        ),
        (
            "POST",
            "/v1/pauses/end",
            Key(Operate),
            Some(json!({})),
            None,
        ),
        ("GET", "/v1/host/pauses", HostKey, None, None),
        (
            "POST",
            "/v1/host/pauses",
            HostKey,
            Some(json!({ "topic": "user.signup", "reason": "table" })),
            None,
        ),
        (
            "POST",
            "/v1/host/pauses/end",
            HostKey,
            Some(json!({})),
            None,
        ),
        ("GET", "/v1/keys", Key(Admin), None, None),
        (
            "POST",
            "/v1/keys",
            Key(Admin),
            Some(json!({ "label": "shop", "scopes": ["read"] })),
            None,
        ),
        ("GET", "/v1/keys/{id}", Key(Admin), None, Some(Object::Key)),
        (
            "POST",
            "/v1/keys/{id}/rotate",
            Key(Admin),
            Some(json!({})),
            Some(Object::Key),
        ),
        (
            "POST",
            "/v1/keys/{id}/revoke",
            Key(Admin),
            None,
            Some(Object::Key),
        ),
        ("GET", "/v1/tenants", HostKey, None, None),
        ("GET", "/v1/tenants/{id}", HostKey, None, None),
        (
            "PUT",
            "/v1/tenants/{id}",
            HostKey,
            Some(json!({ "label": "Acme" })),
            None,
        ),
        ("GET", "/v1/host/audit", HostKey, None, None),
        ("GET", "/v1/usage", Key(Read), None, None),
        ("GET", "/v1/audit", Key(Admin), None, None),
        ("GET", "/v1/recipients", Key(Admin), None, None),
        (
            "PUT",
            "/v1/recipients/{id}",
            Key(Admin),
            Some(json!({ "name": "Eve" })),
            None,
        ),
        (
            "GET",
            "/v1/recipients/{id}",
            Key(Admin),
            None,
            Some(Object::Recipient),
        ),
        (
            "DELETE",
            "/v1/recipients/{id}",
            Key(Admin),
            None,
            Some(Object::Recipient),
        ),
        ("GET", "/v1/templates", Key(Admin), None, None),
        (
            "GET",
            "/v1/templates/{name}",
            Key(Admin),
            None,
            Some(Object::Template),
        ),
        (
            "POST",
            "/v1/templates/{name}/versions",
            Key(Admin),
            Some(sources("Hi")),
            None,
        ),
        (
            "POST",
            "/v1/templates/{name}/publish",
            Key(Admin),
            Some(json!({ "version": 1 })),
            Some(Object::Template),
        ),
        (
            "POST",
            "/v1/templates/{name}/withdraw",
            Key(Admin),
            None,
            Some(Object::Template),
        ),
        (
            "POST",
            "/v1/templates/{name}/preview",
            Key(Admin),
            Some(json!({ "version": 1, "event": signup("p") })),
            Some(Object::Template),
        ),
        ("GET", "/v1/accounts", Key(Admin), None, None),
        (
            "GET",
            "/v1/accounts/{name}",
            Key(Admin),
            None,
            Some(Object::Account),
        ),
        (
            "PUT",
            "/v1/accounts/{name}",
            Key(Admin),
            Some(account()),
            None,
        ),
        (
            "DELETE",
            "/v1/accounts/{name}",
            Key(Admin),
            None,
            Some(Object::Account),
        ),
    ];
    let route = |(method, path, needs, body, names)| Route {
        method,
        path,
        needs,
        body,
        names,
    };
    rows.into_iter().map(route).collect()
}

pub(crate) fn sources(subject: &str) -> Value {
    json!({ "sources": { "en": {
        "subject.txt": subject, "body.txt": "Hello {{ recipient.name }}",
    } } })
}

pub(crate) fn account() -> Value {
    json!({ "channel": "email", "provider": "smtp", "secret": { "password": "hunter2" } })
}

#[test]
fn every_route_of_the_document_is_in_the_table() {
    let document = serde_json::to_value(signalbus_http::api::document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let listed: BTreeSet<String> = table()
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(documented, listed);
    for route in table() {
        let item = &document["paths"][route.path][route.method.to_lowercase()];
        let security = &item["security"][0];
        let said = match route.needs {
            Needs::Nothing => json!({}),
            Needs::Key(scope) => json!({ "key": [scope.as_str()] }),
            Needs::HostKey => json!({ "key": ["admin"] }),
        };
        assert_eq!(*security, said, "{} {}", route.method, route.path);
        assert_eq!(
            item["requestBody"].is_object(),
            route.body.is_some(),
            "{}",
            route.path
        );
    }
}

async fn ask_route(
    world: &World,
    key: Option<&str>,
    route: &Route,
    path: &str,
) -> crate::support::Answer {
    let mut request = match key {
        Some(key) => ask(route.method, path, key),
        None => Request::builder().method(route.method).uri(path),
    };
    let body = match &route.body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    world.send(request.body(body).unwrap()).await
}

fn some_path(route: &Route) -> String {
    let id = "0190a5b0-0000-7000-8000-000000000000";
    route
        .path
        .replace("{id}", id)
        .replace("{topic}", "user.signup")
        .replace("{name}", "user.signup")
}

#[tokio::test]
async fn a_route_takes_its_scope_and_no_other() {
    let world = world();
    for route in table() {
        let path = some_path(&route);
        let at = format!("{} {path}", route.method);
        let without = ask_route(&world, None, &route, &path).await;
        if route.needs == Needs::Nothing {
            assert!(without.status.is_success(), "{at}");
            continue;
        }
        assert_eq!(without.status, StatusCode::UNAUTHORIZED, "{at}");
        assert_eq!(without.problem(), "unauthorized");
        assert!(without.header("www-authenticate").starts_with("Bearer"));
        for scope in Scope::ALL {
            let of_tenant = world.key("acme", &[scope]).await;
            let of_host = world.key_of(Owner::Host, &[scope]).await;
            let fits = |needs, host: bool| match needs {
                Needs::Key(needed) => needed == scope,
                Needs::HostKey => host && scope == Scope::Admin,
                Needs::Nothing => true,
            };
            for (key, host) in [(&of_tenant, false), (&of_host, true)] {
                let answer = ask_route(&world, Some(key), &route, &path).await;
                let at = format!("{at} with {scope}, host: {host}");
                if fits(route.needs, host) {
                    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
                    assert!(!refused.contains(&answer.status), "{at}: {answer:?}");
                    assert!(!answer.status.is_server_error(), "{at}: {answer:?}");
                } else {
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{at}: {answer:?}");
                    assert_eq!(answer.problem(), "forbidden");
                }
            }
        }
        let all_but_the_right: Vec<Scope> = Scope::ALL
            .into_iter()
            .filter(|scope| {
                Needs::Key(*scope) != route.needs
                    && (route.needs != Needs::HostKey || *scope != Scope::Admin)
            })
            .collect();
        let key = world.key_of(Owner::Host, &all_but_the_right).await;
        let answer = ask_route(&world, Some(&key), &route, &path).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{at} with all but its own"
        );
    }
}

#[tokio::test]
async fn what_is_no_key_is_none_on_any_route() {
    let world = world();
    let good = world.key("acme", &Scope::ALL).await;
    let other = world.key("acme", &Scope::ALL).await;
    let mixed = format!("{}{}", &good[..21], &other[21..]);
    for route in table().iter().filter(|route| route.needs != Needs::Nothing) {
        let path = some_path(route);
        for header in [
            "Bearer",
            "Bearer ",
            &good,
            &format!("Basic {good}"),
            &format!("Bearer {good}x"),
            &format!("Bearer {}", &good[..good.len() - 1]),
            &format!("Bearer {mixed}"),
            "Bearer sbk_0000000000000000_",
            "Bearer \u{e9}",
        ] {
            let request = Request::builder().method(route.method).uri(&path).header(
                "authorization",
                http::HeaderValue::from_bytes(header.as_bytes()).unwrap(),
            );
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{header}");
        }
        let twice = ask(route.method, &path, &good)
            .header("authorization", format!("Bearer {good}"))
            .body(Body::empty())
            .unwrap();
        assert_eq!(world.send(twice).await.status, StatusCode::UNAUTHORIZED);
    }
}

/// What one tenant has, each under its name.
pub(crate) async fn things(world: &World, key: &str) -> impl Fn(Object) -> String + use<> {
    let taken = world.post(key, "/v1/events", &signup("thing")).await.json();
    let event = taken["event"].as_str().unwrap().to_owned();
    let delivery = taken["routes"][0]["delivery"].as_str().unwrap().to_owned();
    let made = world
        .post(
            key,
            "/v1/keys",
            &json!({ "label": "shop", "scopes": ["read"] }),
        )
        .await;
    let made = made.json()["key"]["id"].as_str().unwrap().to_owned();
    let there = [
        world
            .call("PUT", key, "/v1/recipients/ada", &json!({ "name": "Ada" }))
            .await,
        world
            .post(key, "/v1/templates/user.signup/versions", &sources("Hi"))
            .await,
        world
            .call("PUT", key, "/v1/accounts/mail", &account())
            .await,
    ];
    for answer in there {
        assert!(answer.status.is_success(), "{answer:?}");
    }
    move |object| match object {
        Object::Event => event.clone(),
        Object::Delivery => delivery.clone(),
        Object::Key => made.clone(),
        Object::Recipient => "ada".to_owned(),
        Object::Template => "user.signup".to_owned(),
        Object::Account => "mail".to_owned(),
    }
}

#[tokio::test]
async fn what_is_another_tenants_is_not_found_on_any_route() {
    let world = world();
    let acme = world.key("acme", &Scope::ALL).await;
    let other = world.key("other", &Scope::ALL).await;
    let thing = things(&world, &acme).await;
    let mut tried = 0;
    for route in table() {
        let Some(object) = route.names else { continue };
        let path = route
            .path
            .replace("{id}", &thing(object))
            .replace("{name}", &thing(object));
        let answer = ask_route(&world, Some(&other), &route, &path).await;
        assert_eq!(
            answer.status,
            StatusCode::NOT_FOUND,
            "{} {path}: {answer:?}",
            route.method
        );
        assert_eq!(answer.problem(), "not-found");
        let nobodys = ask_route(&world, Some(&other), &route, &some_path(&route)).await;
        let detail = |answer: &crate::support::Answer| answer.json()["detail"].clone();
        assert_eq!(
            detail(&answer),
            detail(&nobodys),
            "{path} tells that there is one"
        );
        tried += 1;
    }
    assert!(tried >= 15, "{tried}");
    // And nothing came of it.
    for route in table()
        .iter()
        .filter(|route| route.names.is_some() && route.method == "GET")
    {
        let object = route.names.unwrap();
        let path = route
            .path
            .replace("{id}", &thing(object))
            .replace("{name}", &thing(object));
        let answer = ask_route(&world, Some(&acme), route, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    let key = world
        .get(&acme, &format!("/v1/keys/{}", thing(Object::Key)))
        .await
        .json();
    assert_eq!(key.get("revoked_at"), None);
    let delivery = world
        .get(
            &acme,
            &format!("/v1/deliveries/{}", thing(Object::Delivery)),
        )
        .await;
    assert_eq!(delivery.json()["delivery"]["state"], "waiting");
}

#[tokio::test]
async fn a_list_has_what_is_the_tenants_and_nothing_else() {
    let world = world();
    let acme = world.key("acme", &Scope::ALL).await;
    let other = world
        .key("other", &[Scope::Read, Scope::Admin, Scope::Operate])
        .await;
    drop(things(&world, &acme).await);
    for (path, of_acme, of_other) in [
        ("/v1/deliveries", 1, 0),
        ("/v1/events", 1, 0),
        ("/v1/keys", 2, 1),
        ("/v1/recipients", 1, 0),
        ("/v1/templates", 1, 0),
        ("/v1/accounts", 1, 0),
        ("/v1/audit", 5, 1),
    ] {
        for (key, count) in [(&acme, of_acme), (&other, of_other)] {
            let list = world.get(key, path).await.json();
            assert_eq!(
                list["items"].as_array().unwrap().len(),
                count,
                "{path}: {list}"
            );
        }
    }
    let redriven = world
        .post(&other, "/v1/redrives", &json!({ "filter": {} }))
        .await
        .json();
    assert_eq!(redriven["started"], json!([]));
    let suppressed = json!({ "channel": "email", "address": "ada@example.org" });
    assert!(
        world
            .post(&acme, "/v1/suppressions", &suppressed)
            .await
            .status
            .is_success()
    );
    let theirs = world
        .post(&other, "/v1/suppressions/check", &suppressed)
        .await
        .json();
    assert_eq!(theirs["suppressed"], false);
    let removed = world
        .post(&other, "/v1/suppressions/remove", &suppressed)
        .await
        .json();
    assert_eq!(removed["removed"], false);
    let mine = world
        .post(&acme, "/v1/suppressions/check", &suppressed)
        .await
        .json();
    assert_eq!(mine["suppressed"], true);
}
