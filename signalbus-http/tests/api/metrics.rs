use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::json;
use signalbus_core::directory::keys::Scope;
use signalbus_http::api::{ApiLimits, Rate};

use crate::support::{signup, world_with};

/// Counters as `name{label=value,…}`, in order.
fn counters(recorder: &DebuggingRecorder) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
        let (_, key) = key.into_parts();
        let DebugValue::Counter(count) = value else {
            continue;
        };
        if key.name().starts_with("http_") {
            let mut labels: Vec<String> = key
                .labels()
                .map(|label| format!("{}={}", label.key(), label.value()))
                .collect();
            labels.sort();
            found.push((format!("{}{{{}}}", key.name(), labels.join(",")), count));
        }
    }
    found.sort();
    found
}

#[test]
fn requests_and_errors_are_counted_by_the_route_and_not_by_what_was_asked() {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = world_with(ApiLimits::default().with_rate(Some(Rate::new(60, 2))));
            let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
            world.post(&key, "/v1/events", &signup("1")).await;
            for id in ["a", "b", "c"] {
                world.get(&key, &format!("/v1/events/{id}")).await;
            }
            world.get(&key, "/nowhere/secret").await;
            world.call("BREW", &key, "/v1/plan", &json!({})).await;
        });
    });
    let counted = counters(&recorder);
    let expected = [
        (
            "http_errors_total{code=404,method=GET,route=/v1/events/{id}}",
            2,
        ),
        ("http_errors_total{code=404,method=GET,route=unmatched}", 1),
        ("http_errors_total{code=405,method=other,route=/v1/plan}", 1),
        (
            "http_errors_total{code=429,method=GET,route=/v1/events/{id}}",
            1,
        ),
        (
            "http_rate_limit_rejections_total{route=/v1/events/{id},scope=key}",
            1,
        ),
        (
            "http_requests_total{code=202,method=POST,route=/v1/events}",
            1,
        ),
        (
            "http_requests_total{code=404,method=GET,route=/v1/events/{id}}",
            2,
        ),
        (
            "http_requests_total{code=404,method=GET,route=unmatched}",
            1,
        ),
        (
            "http_requests_total{code=405,method=other,route=/v1/plan}",
            1,
        ),
        (
            "http_requests_total{code=429,method=GET,route=/v1/events/{id}}",
            1,
        ),
    ];
    let expected: Vec<(String, u64)> = expected
        .map(|(name, count)| (name.to_owned(), count))
        .into();
    assert_eq!(counted, expected);
}
