use http::StatusCode;
use serde_json::json;
use signalbus_core::directory::keys::Scope;

use crate::support::{signup, world};

#[tokio::test]
async fn a_list_is_filtered_and_comes_a_page_at_a_time() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    let mut events = Vec::new();
    for number in 0..5 {
        let mut event = signup(&number.to_string());
        if number == 3 {
            event["to"] = json!([{}]);
        }
        if number == 4 {
            event["topic"] = "user.gone".into();
        }
        let taken = world.post(&key, "/v1/events", &event).await.json();
        events.push(taken["event"].as_str().unwrap().to_owned());
    }
    let count = async |query: &str| {
        let list = world.get(&key, &format!("/v1/deliveries?{query}")).await;
        assert_eq!(list.status, StatusCode::OK, "{query}: {list:?}");
        list.json()["items"].as_array().unwrap().len()
    };
    for (query, expected) in [
        (String::new(), 5),
        ("topic=user.gone".to_owned(), 1),
        ("channel=email".to_owned(), 4),
        ("channel=sms".to_owned(), 0),
        ("state=waiting".to_owned(), 4),
        ("state=not_needed".to_owned(), 1),
        ("reason=no_route".to_owned(), 1),
        (format!("event={}", events[0]), 1),
        ("accepted_from=2000-01-01T00:00:00Z".to_owned(), 5),
        ("accepted_before=2000-01-01T00:00:00Z".to_owned(), 0),
        ("provider=recording".to_owned(), 0),
        ("message=m-1".to_owned(), 0),
    ] {
        assert_eq!(count(&query).await, expected, "{query}");
    }
    let to = |address: &str| json!({ "channel": "email", "address": address });
    for (address, expected) in [("Ada@EXAMPLE.org", 4), ("eve@example.org", 0)] {
        let found = world
            .post(&key, "/v1/deliveries/search", &to(address))
            .await
            .json();
        assert_eq!(
            found["items"].as_array().unwrap().len(),
            expected,
            "{address}"
        );
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = world
            .get(&key, &format!("/v1/deliveries?limit=2{after}"))
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(
            items
                .iter()
                .map(|item| item["event"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, events);
    for query in [
        "state=gone",
        "topic=a%20b",
        "event=1",
        "after=x",
        "limit=0",
        "limit=201",
        "accepted_from=today",
        "tenant=other",
    ] {
        let refused = world.get(&key, &format!("/v1/deliveries?{query}")).await;
        assert!(refused.status.is_client_error(), "{query}");
        refused.problem();
    }
}

#[tokio::test]
async fn what_was_called_off_says_so() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    let taken = world.post(&key, "/v1/events", &signup("1")).await.json();
    let event = taken["event"].as_str().unwrap();
    let delivery = taken["routes"][0]["delivery"].as_str().unwrap();
    let path = format!("/v1/events/{event}/cancel");
    let cancelled = world.post(&key, &path, &json!({})).await.json();
    assert_eq!(
        cancelled["deliveries"],
        json!([{ "id": delivery, "answer": "cancelled" }])
    );
    let again = world
        .post(
            &key,
            &format!("/v1/deliveries/{delivery}/cancel"),
            &json!({}),
        )
        .await;
    assert_eq!(again.json()["deliveries"][0]["answer"], "cancelled");
    let detail = world
        .get(&key, &format!("/v1/deliveries/{delivery}"))
        .await
        .json();
    assert_eq!(detail["delivery"]["state"], "cancelled");
    assert!(
        detail["history"][0]["entry"]["cancelled"]["actor"]
            .as_str()
            .unwrap()
            .starts_with("key:")
    );
    assert!(
        detail["explanation"]
            .as_str()
            .unwrap()
            .contains("cancelled by key:")
    );
}

#[tokio::test]
async fn a_redrive_counts_first_and_sends_when_it_is_told_to() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    let mut event = signup("1");
    event["to"][0]["addresses"]["email"] = "no address".into();
    let taken = world.post(&key, "/v1/events", &event).await.json();
    let delivery = taken["routes"][0]["delivery"].as_str().unwrap();
    // An address that was wrong stays wrong: it has to be named.
    let unnamed = json!({ "filter": { "state": "dead" } });
    let none = world.post(&key, "/v1/redrives", &unnamed).await.json();
    assert_eq!(none["started"], json!([]));
    let which = json!({ "filter": { "state": "dead", "reason": "invalid_address" } });
    let counted = world.post(&key, "/v1/redrives", &which).await.json();
    assert_eq!(counted["dry_run"], true);
    assert_eq!(counted["started"][0]["id"], delivery);
    let state = async || {
        let detail = world
            .get(&key, &format!("/v1/deliveries/{delivery}"))
            .await
            .json();
        detail["delivery"]["state"].clone()
    };
    assert_eq!(state().await, "dead");
    let told = json!({ "dry_run": false, "deliveries": [{ "id": delivery, "generation": 0 }] });
    let redriven = world.post(&key, "/v1/redrives", &told).await.json();
    assert_eq!(
        redriven["started"],
        json!([{ "id": delivery, "generation": 1 }])
    );
    assert_eq!(state().await, "waiting");
    let again = world.post(&key, "/v1/redrives", &told).await.json();
    assert_eq!(again["skipped"], json!([delivery]));
    for wrong in [
        json!({}),
        json!({ "filter": {}, "deliveries": [] }),
        json!({ "filter": {}, "limit": 0 }),
        json!({ "filter": {}, "limit": 1001 }),
        json!({ "filter": {}, "spacing_seconds": 86_401 }),
        json!({ "filter": { "tenant": "other" } }),
        json!({ "filter": { "state": "gone" } }),
    ] {
        let refused = world.post(&key, "/v1/redrives", &wrong).await;
        assert_eq!(refused.problem(), "invalid", "{wrong}");
    }
}

#[tokio::test]
async fn a_receipt_reaches_the_tenants_own_delivery_and_no_other() {
    let world = world();
    let acme = world.key("acme", &Scope::ALL).await;
    let other = world.key("other", &Scope::ALL).await;
    let taken = world.post(&acme, "/v1/events", &signup("1")).await.json();
    let delivery = taken["routes"][0]["delivery"].clone();
    let receipts = |id: &str| {
        json!({ "receipts": [{
            "provider": "recording", "id": id, "delivery": delivery, "kind": "delivered", "code": "250",
        }] })
    };
    let effects = async |key: &str, id: &str| {
        let answer = world.post(key, "/v1/receipts", &receipts(id)).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.json()["effects"].clone()
    };
    assert_eq!(effects(&other, "theirs").await, json!(["parked"]));
    assert_eq!(effects(&acme, "mine").await, json!(["advanced"]));
    assert_eq!(effects(&acme, "mine").await, json!(["duplicate"]));
    let path = format!("/v1/deliveries/{}", delivery.as_str().unwrap());
    let detail = world.get(&acme, &path).await.json();
    assert_eq!(detail["delivery"]["receipt"], "delivered");
    for wrong in [
        json!({ "receipts": [] }),
        json!({ "receipts": [{ "provider": "p", "id": "r", "kind": "sent" }] }),
        json!({ "receipts": [{ "provider": "a b", "id": "r", "kind": "sent", "message": "m" }] }),
        json!({ "receipts": [{ "provider": "p", "id": "", "kind": "sent", "message": "m" }] }),
        json!({ "receipts": [{ "provider": "p", "id": "r", "kind": "lost", "message": "m" }] }),
        json!({ "receipts": [{ "provider": "p", "id": "r", "kind": "sent", "message": "m", "delivery": delivery }] }),
    ] {
        let refused = world.post(&acme, "/v1/receipts", &wrong).await;
        assert_eq!(refused.problem(), "invalid", "{wrong}");
    }
}
