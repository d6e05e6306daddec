use http::StatusCode;
use serde_json::json;
use signalbus::{Event, Idempotency, Recipient};
use signalbus_core::directory::keys::Scope;

use crate::{
    support::{World, signup, world},
    table::sources,
};

/// The subject of a signup as this tenant would send it now.
fn subject(world: &World, tenant: &str) -> String {
    let mut event = Event::new("user.signup", Idempotency::None)
        .to(Recipient::new().name("Ada").email("ada@example.org"));
    event.tenant = Some(tenant.to_owned());
    let previews = world.signalbus.render(&event).unwrap();
    previews[0].parts.text("subject.txt").to_owned()
}

#[tokio::test]
async fn a_version_is_used_from_its_publishing_to_the_next_one() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    let path = "/v1/templates/user.signup";
    for text in ["one", "two"] {
        let added = world
            .post(&key, &format!("{path}/versions"), &sources(text))
            .await;
        assert_eq!(added.status, StatusCode::CREATED, "{added:?}");
    }
    assert_eq!(subject(&world, "acme"), "Welcome", "a draft is not used");
    for (version, expected) in [(2, "two"), (1, "one")] {
        let published = world
            .post(
                &key,
                &format!("{path}/publish"),
                &json!({ "version": version }),
            )
            .await;
        assert_eq!(published.json()["published"], version);
        assert_eq!(subject(&world, "acme"), expected);
        assert_eq!(subject(&world, "other"), "Welcome");
    }
    let none = world
        .post(&key, &format!("{path}/publish"), &json!({ "version": 3 }))
        .await;
    assert_eq!(none.problem(), "not-found");
    let withdrawn = world
        .post(&key, &format!("{path}/withdraw"), &json!({}))
        .await;
    assert_eq!(withdrawn.json().get("published"), None);
    assert_eq!(subject(&world, "acme"), "Welcome");
    let shown = world.get(&key, path).await.json();
    assert_eq!(shown["versions"][1]["sources"]["en"]["subject.txt"], "two");
}

#[tokio::test]
async fn another_process_follows_what_is_published() {
    let (here, other) = (world(), world());
    let key = here.key("acme", &[Scope::Admin]).await;
    let load = async |after| {
        other
            .signalbus
            .load_templates(&here.directory, after)
            .await
            .unwrap()
    };
    let start = load(0).await;
    here.post(&key, "/v1/templates/user.signup/versions", &sources("one"))
        .await;
    let drafted = load(start).await;
    assert_eq!(subject(&other, "acme"), "Welcome");
    here.post(
        &key,
        "/v1/templates/user.signup/publish",
        &json!({ "version": 1 }),
    )
    .await;
    let published = load(drafted).await;
    assert_eq!(subject(&other, "acme"), "one");
    here.post(&key, "/v1/templates/user.signup/withdraw", &json!({}))
        .await;
    load(published).await;
    assert_eq!(subject(&other, "acme"), "Welcome");
}

#[tokio::test]
async fn a_template_that_cannot_be_used_is_refused_with_the_place() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    let add = async |sources| {
        let body = json!({ "sources": sources });
        world
            .post(&key, "/v1/templates/user.signup/versions", &body)
            .await
    };
    for (sources, says) in [
        (json!({}), "must have a part"),
        (json!({ "en": {} }), "must have a part"),
        (
            json!({ "en": { "body.txt": "{{ x" } }),
            "user.signup/en/body.txt",
        ),
        (json!({ "en": { "../body.txt": "x" } }), ""),
        (json!({ "no locale": { "body.txt": "x" } }), ""),
        (json!({ "en": { "body.txt": "x".repeat(2 << 20) } }), ""),
    ] {
        let refused = add(sources).await;
        assert_eq!(refused.problem(), "invalid");
        assert!(refused.text.contains(says), "{refused:?}");
    }
    assert_eq!(
        world.get(&key, "/v1/templates/user.signup").await.problem(),
        "not-found"
    );
    let odd = world
        .post(&key, "/v1/templates/a%20b/versions", &sources("x"))
        .await;
    assert_eq!(odd.problem(), "invalid");
}

#[tokio::test]
async fn a_preview_shows_the_messages_and_stores_nothing() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin, Scope::Read]).await;
    world
        .post(
            &key,
            "/v1/templates/user.signup/versions",
            &sources("{{ data.what }}"),
        )
        .await;
    let mut event = signup("1");
    event["data"] = json!({ "what": "Hi" });
    let path = "/v1/templates/user.signup/preview";
    let preview = world
        .post(&key, path, &json!({ "version": 1, "event": event }))
        .await;
    let message = &preview.json()["messages"][0];
    assert_eq!(message["parts"]["subject.txt"], "Hi", "{preview:?}");
    assert_eq!(message["parts"]["body.txt"], "Hello Ada");
    let undefined = world
        .post(&key, path, &json!({ "version": 1, "event": signup("1") }))
        .await;
    assert_eq!(undefined.problem(), "invalid");
    assert!(undefined.text.contains("subject.txt"), "{undefined:?}");
    let list = world.get(&key, "/v1/deliveries").await.json();
    assert_eq!(list["items"], json!([]));
}
