use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use signalbus_core::directory::keys::Scope;

use crate::{
    support::{World, signup, world},
    table::sources,
};

/// All items of a list, a page of `limit` at a time.
async fn walk(world: &World, key: &str, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    let mark = if path.contains('?') { '&' } else { '?' };
    for _ in 0..1_000 {
        let asked = format!("{path}{mark}limit={limit}{after}");
        let page = world.get(key, &asked).await;
        assert_eq!(page.status, StatusCode::OK, "{asked}: {page:?}");
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        all.extend(items.iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
    panic!("{path} has no end");
}

fn to(who: &[&str]) -> Value {
    let to = who
        .iter()
        .map(|who| json!({ "id": who, "name": "N", "addresses": { "email": format!("{who}@example.org") } }));
    to.collect()
}

/// Five events, of which the third is for many and the last for nobody that can be reached.
async fn published(world: &World, key: &str) -> Vec<Value> {
    let many: Vec<String> = (0..250).map(|number| format!("p{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut ids = Vec::new();
    for (place, who) in [&["ada"][..], &["bob", "ada"], &many, &["eve"], &["ada"]]
        .into_iter()
        .enumerate()
    {
        let mut event = signup(&place.to_string());
        event["to"] = to(who);
        match place {
            3 => event["topic"] = "user.gone".into(),
            4 => event["to"][0]["addresses"]["email"] = "no address".into(),
            _ => {}
        }
        let taken = world.post(key, "/v1/events", &event).await;
        assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
        ids.push(taken.json()["event"].clone());
        world.clock.advance(Duration::from_secs(60));
    }
    ids
}

#[tokio::test]
async fn each_event_is_listed_once_however_many_it_is_for() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    let other = world.key("other", &[Scope::Read]).await;
    let ids = published(&world, &key).await;
    let of = |items: &[Value]| -> Vec<Value> { items.iter().map(|it| it["id"].clone()).collect() };
    for limit in [1, 2, 5, 200] {
        assert_eq!(
            of(&walk(&world, &key, "/v1/events", limit).await),
            ids,
            "{limit}"
        );
    }
    let all = walk(&world, &key, "/v1/events", 200).await;
    let third = all[2]["accepted_at"].as_str().unwrap().to_owned();
    for (query, places) in [
        ("recipient=ada".to_owned(), vec![0, 1, 4]),
        ("recipient=nobody".to_owned(), vec![]),
        ("topic=user.gone".to_owned(), vec![3]),
        ("state=dead".to_owned(), vec![4]),
        (format!("accepted_from={third}"), vec![2, 3, 4]),
        (format!("accepted_before={third}"), vec![0, 1]),
    ] {
        let expected: Vec<Value> = places
            .iter()
            .map(|place: &usize| ids[*place].clone())
            .collect();
        let found = walk(&world, &key, &format!("/v1/events?{query}"), 1).await;
        assert_eq!(of(&found), expected, "{query}");
    }
    assert_eq!(walk(&world, &other, "/v1/events", 10).await, [0; 0]);
    for query in ["after=x", "after=1.x", "state=gone", "tenant=acme"] {
        let refused = world.get(&key, &format!("/v1/events?{query}")).await;
        assert!(refused.status.is_client_error(), "{query}");
        refused.problem();
    }
}

#[tokio::test]
async fn dead_letters_are_what_can_be_redriven() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    let ids = published(&world, &key).await;
    let dead = walk(&world, &key, "/v1/dead-letters", 1).await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0]["event"], ids[4]);
    let expired = walk(&world, &key, "/v1/dead-letters?state=expired", 1).await;
    assert_eq!(expired, [0; 0]);
    let refused = world.get(&key, "/v1/dead-letters?state=accepted").await;
    assert_eq!(refused.json()["field"], "state");
}

#[tokio::test]
async fn attempts_and_receipts_are_listed_by_their_deliveries() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    let other = world.key("other", &[Scope::Read]).await;
    let ids = published(&world, &key).await;
    world.signalbus.start();
    world.clock.run(Duration::from_secs(60)).await;
    for limit in [7, 200] {
        let attempts = walk(&world, &key, "/v1/attempts", limit).await;
        assert_eq!(attempts.len(), 254, "{limit}");
        let mut deliveries: Vec<_> = attempts
            .iter()
            .map(|it| it["delivery"].to_string())
            .collect();
        deliveries.sort_unstable();
        deliveries.dedup();
        assert_eq!(deliveries.len(), 254, "each once");
        assert_eq!(attempts[0]["event"], ids[0]);
        assert_eq!(attempts[0]["entry"]["attempt"]["attempt"], 1);
    }
    let first = walk(&world, &key, "/v1/attempts?recipient=ada", 1).await;
    assert_eq!(first.len(), 2);
    let at = first[0]["at"].as_str().unwrap();
    let asked = first[0]["entry"]["attempt"]["provider"].as_str().unwrap();
    for (query, count) in [
        // There is no template for what is gone: nobody was asked.
        (format!("provider={asked}"), 253),
        ("provider=other".to_owned(), 0),
        ("topic=user.gone".to_owned(), 1),
        ("channel=sms".to_owned(), 0),
        ("state=accepted".to_owned(), 253),
        (format!("before={at}"), 0),
        (format!("from={at}"), 254),
        (format!("event={}", ids[1].as_str().unwrap()), 2),
    ] {
        let found = walk(&world, &key, &format!("/v1/attempts?{query}"), 100).await;
        assert_eq!(found.len(), count, "{query}");
    }
    assert_eq!(walk(&world, &key, "/v1/receipts", 10).await, [0; 0]);
    for (place, kind) in [(0, "delivered"), (0, "opened"), (1, "delivered")] {
        let receipt = json!({ "receipts": [{
            "provider": "recording", "id": format!("{place}{kind}"), "kind": kind,
            "delivery": first[place]["delivery"],
        }] });
        world.post(&key, "/v1/receipts", &receipt).await;
    }
    for limit in [1, 10] {
        let receipts = walk(&world, &key, "/v1/receipts", limit).await;
        let kinds: Vec<_> = receipts
            .iter()
            .map(|it| it["entry"]["receipt"]["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["delivered", "opened", "delivered"], "{limit}");
    }
    for path in ["/v1/attempts", "/v1/receipts"] {
        assert_eq!(walk(&world, &other, path, 10).await, [0; 0], "{path}");
        let refused = world.get(&key, &format!("{path}?after=7")).await;
        assert_eq!(refused.problem(), "malformed");
    }
    world.signalbus.shutdown().await;
}

#[tokio::test]
async fn the_suppression_list_comes_a_page_at_a_time_and_without_addresses() {
    let world = world();
    let key = world.key("acme", &[Scope::Operate, Scope::Read]).await;
    let other = world.key("other", &[Scope::Read]).await;
    for (channel, address, cause) in [
        ("email", "ada@example.org", "manual"),
        ("email", "bob@example.org", "complained"),
        ("sms", "+447700900123", "manual"),
    ] {
        let entry = json!({ "channel": channel, "address": address, "cause": cause });
        let put = world.post(&key, "/v1/suppressions", &entry).await;
        assert_eq!(put.status, StatusCode::NO_CONTENT, "{put:?}");
    }
    let narrow = json!({
        "channel": "email", "address": "ada@example.org", "category": "newsletter",
    });
    world.post(&key, "/v1/suppressions", &narrow).await;
    for limit in [1, 3, 200] {
        let all = walk(&world, &key, "/v1/suppressions", limit).await;
        assert_eq!(all.len(), 4, "{limit}");
        let text = json!(all).to_string();
        assert!(
            !text.contains("example") && !text.contains("7700"),
            "{text}"
        );
    }
    for (query, count) in [
        ("channel=sms", 1),
        ("cause=complained", 1),
        ("channel=email&cause=manual", 2),
    ] {
        let found = walk(&world, &key, &format!("/v1/suppressions?{query}"), 1).await;
        assert_eq!(found.len(), count, "{query}");
    }
    assert_eq!(walk(&world, &other, "/v1/suppressions", 10).await, [0; 0]);
    let refused = world.get(&key, "/v1/suppressions?after=x").await;
    assert_eq!(refused.problem(), "malformed");
}

#[tokio::test]
async fn deliveries_to_an_address_are_narrowed_as_those_of_a_list() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    published(&world, &key).await;
    let count = async |more: Value| {
        let mut asked = json!({ "channel": "email", "address": "eve@example.org" });
        asked
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let found = world.post(&key, "/v1/deliveries/search", &asked).await;
        found.json()["items"].as_array().unwrap().len()
    };
    assert_eq!(count(json!({})).await, 1);
    assert_eq!(count(json!({ "topic": "user.gone" })).await, 1);
    assert_eq!(count(json!({ "topic": "user.signup" })).await, 0);
    assert_eq!(count(json!({ "state": "dead" })).await, 0);
    let found = world.get(&key, "/v1/deliveries?recipient=eve").await.json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

/// Attempts, receipts and events by address, as the deliveries: each tenant of its own, a page at a time.
#[tokio::test]
async fn what_went_to_an_address_is_found_by_it() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    let other = world.key("other", &[Scope::Read]).await;
    let ids = published(&world, &key).await;
    world.signalbus.start();
    world.clock.run(Duration::from_secs(60)).await;
    let found = async |key: &str, path: &str, more: Value| {
        let (mut all, mut after) = (Vec::new(), Value::Null);
        loop {
            let mut asked = json!({ "channel": "email", "address": "Ada@example.org", "limit": 1 });
            let more = more.as_object().unwrap().clone();
            asked.as_object_mut().unwrap().extend(more);
            if !after.is_null() {
                asked["after"] = after;
            }
            let page = world.post(key, path, &asked).await;
            assert_eq!(page.status, StatusCode::OK, "{page:?}");
            assert!(!page.text.contains("example.org"), "{page:?}");
            let page = page.json();
            all.extend(page["items"].as_array().unwrap().iter().cloned());
            after = page["next"].clone();
            if after.is_null() {
                return all;
            }
        }
    };
    let events = found(&key, "/v1/events/search", json!({})).await;
    let events: Vec<&Value> = events.iter().map(|event| &event["id"]).collect();
    assert_eq!(events, [&ids[0], &ids[1]]);
    let attempts = found(&key, "/v1/attempts/search", json!({})).await;
    assert_eq!(attempts.len(), 2);
    let at = attempts[0]["at"].clone();
    for (more, count) in [
        (json!({ "provider": "recording" }), 2),
        (json!({ "provider": "other" }), 0),
        (json!({ "topic": "user.gone" }), 0),
        (json!({ "state": "accepted" }), 2),
        (json!({ "from": at }), 2),
        (json!({ "before": at }), 0),
        (json!({ "address": "eve@example.org" }), 1),
    ] {
        let found = found(&key, "/v1/attempts/search", more.clone()).await;
        assert_eq!(found.len(), count, "{more}");
    }
    let receipt = json!({ "receipts": [{
        "provider": "recording", "id": "r", "kind": "delivered", "delivery": attempts[1]["delivery"],
    }] });
    world.post(&key, "/v1/receipts", &receipt).await;
    let receipts = found(&key, "/v1/receipts/search", json!({})).await;
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0]["event"], ids[1]);
    for path in [
        "/v1/events/search",
        "/v1/attempts/search",
        "/v1/receipts/search",
    ] {
        assert_eq!(found(&other, path, json!({})).await, [0; 0], "{path}");
        let wrong = json!({ "channel": "email", "address": "ada@example.org", "after": "x" });
        assert_eq!(world.post(&key, path, &wrong).await.problem(), "malformed");
        let nobody = json!({ "channel": "email", "address": "nobody" });
        assert!(
            world
                .post(&key, path, &nobody)
                .await
                .status
                .is_client_error()
        );
    }
    world.signalbus.shutdown().await;
}

/// Keys, templates, suppressions and the trail, by time.
#[tokio::test]
async fn lists_are_narrowed_by_time() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    let mut times = Vec::new();
    for place in 0..3 {
        world.clock.advance(Duration::from_secs(60));
        times.push(signalbus::Clock::now(&world.clock).to_string());
        let new = json!({ "label": format!("k{place}"), "scopes": ["read"] });
        assert_eq!(
            world.post(&key, "/v1/keys", &new).await.status,
            StatusCode::CREATED
        );
        let path = format!("/v1/templates/t{place}/versions");
        let made = world.post(&key, &path, &sources("Hello")).await;
        assert!(made.status.is_success(), "{made:?}");
        let entry = json!({ "channel": "email", "address": format!("p{place}@example.org") });
        let put = world.post(&key, "/v1/suppressions", &entry).await;
        assert_eq!(put.status, StatusCode::NO_CONTENT, "{put:?}");
    }
    for (list, from, before, more) in [
        ("/v1/keys", "changed_from", "changed_before", 1),
        ("/v1/templates", "changed_from", "changed_before", 0),
        ("/v1/suppressions", "from", "before", 0),
    ] {
        for (query, count) in [
            (format!("{from}={}", times[1]), 2),
            (format!("{before}={}", times[1]), 1 + more),
            (format!("{from}={}&{before}={}", times[1], times[2]), 1),
            (format!("{from}={}&{before}={}", times[1], times[1]), 0),
        ] {
            let found = walk(&world, &key, &format!("{list}?{query}"), 1).await;
            assert_eq!(found.len(), count, "{list}?{query}");
        }
        let wrong = world.get(&key, &format!("{list}?{from}=yesterday")).await;
        assert!(wrong.status.is_client_error(), "{wrong:?}");
        wrong.problem();
    }
    let trail = async |query: String| {
        walk(
            &world,
            &key,
            &format!("/v1/audit?action=address.suppressed&{query}"),
            1,
        )
        .await
    };
    assert_eq!(trail(format!("from={}", times[1])).await.len(), 2);
    assert_eq!(trail(format!("before={}", times[1])).await.len(), 1);
    let between = format!("from={}&before={}", times[0], times[2]);
    assert_eq!(trail(between).await.len(), 2);
}
