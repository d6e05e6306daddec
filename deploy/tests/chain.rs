//! One request, through Kafka and Postgres and three processes, as one chain of spans at a receiver of
//! OTLP; and nothing of what people are told, or where, is in any span or log line.

#![cfg(test)]

mod fanout;
mod otlp;

use std::{collections::BTreeSet, time::Duration};

use fanout::Fanout;
use otlp::{Collector, Received, is_linked, named};
use serde_json::{Value, json};

/// The caller's own span.
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Each stands in one place of the event.
const CANARIES: [&str; 4] = ["canary-name", "canary-address", "7700900177", "canary-data"];

/// An event of the quickstart that goes out on both channels.
fn body() -> Value {
    let events = include_str!("../../examples/data/events.jsonl");
    let mut events = events
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let shipped = events
        .find(|event| event["topic"] == "order.shipped")
        .unwrap();
    let mut data = shipped["data"].clone();
    data["canary"] = "canary-data".into();
    json!({
        "topic": "order.shipped",
        "data": data,
        "recipients": [{
            "name": "canary-name",
            "addresses": { "email": "canary-address@example.org", "sms": "+447700900177" },
        }],
    })
}

/// The spans once both workers have sent and their batches have arrived.
async fn arrived(collector: &Collector) -> Vec<Received> {
    for _ in 0..600 {
        let spans = collector.spans();
        if named(&spans, "send").len() >= 2 && named(&spans, "process").len() >= 2 {
            return spans;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let names: Vec<_> = collector
        .spans()
        .iter()
        .map(|span| span.name.clone())
        .collect();
    panic!("the chain did not arrive: {names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_is_one_chain_over_three_processes() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let settings = [
        ("SIGNALBUS_OTLP_URL", collector.url.as_str()),
        ("SIGNALBUS_LOG_FORMAT", "json"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];
    let binary = env!("CARGO_BIN_EXE_signalbus-up");
    let mut fanout = Fanout::start(binary, folder.path(), &settings).await;
    let request = fanout
        .post("/notify")
        .header("traceparent", CALLER)
        .json(&body());
    let answer = request.send().await.unwrap();
    assert_eq!(
        answer.status().as_u16(),
        202,
        "{}",
        answer.text().await.unwrap()
    );
    arrived(&collector).await;
    fanout.stop();
    let spans = collector.spans();

    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let request = named(&spans, "request");
    let request = request
        .iter()
        .find(|span| hex(&span.trace_id) == CALLER[3..35]);
    let request = request.expect("the request is a part of the caller's trace");
    assert_eq!(
        (hex(&request.parent_span_id), request.kind),
        (CALLER[36..52].to_owned(), 2)
    );
    assert_eq!(request.service, "notification-api");
    let create = named(&spans, "create");
    let create = create.iter().find(|span| span.trace_id == request.trace_id);
    let create = create.expect("publishing is a part of the request");
    assert_eq!((&create.trace_id, create.kind), (&request.trace_id, 4));

    // One worker stored it, with others perhaps: linked, and no part of the request.
    let ingests = named(&spans, "ingest");
    let ingests: Vec<_> = ingests
        .iter()
        .filter(|span| is_linked(span, request))
        .collect();
    assert_eq!(ingests.len(), 1, "stored once");
    assert_ne!(ingests[0].trace_id, create.trace_id);
    // Each channel by its own process, each attempt a trace of its own.
    let attempts = named(&spans, "process");
    let attempts: Vec<_> = attempts
        .iter()
        .filter(|span| is_linked(span, request))
        .collect();
    let services: BTreeSet<&str> = attempts.iter().map(|span| span.service.as_str()).collect();
    assert_eq!(services, BTreeSet::from(["email-worker", "sms-worker"]));
    assert_eq!(attempts.len(), 2);
    assert_ne!(attempts[0].trace_id, attempts[1].trace_id);
    let claims = named(&spans, "claim");
    for attempt in &attempts {
        let claim = claims.iter().filter(|claim| is_linked(attempt, claim));
        let of: Vec<&str> = claim.map(|claim| claim.service.as_str()).collect();
        assert_eq!(
            of,
            [attempt.service.as_str()],
            "claimed once, by who sent it"
        );
        for part in ["render", "send"] {
            let below = named(&spans, part);
            let below = below
                .iter()
                .filter(|span| span.parent_span_id == attempt.span_id);
            assert_eq!(below.count(), 1, "{part}");
        }
    }

    let raw = collector.raw();
    assert!(raw.contains("order.shipped") || raw.contains("delivery.id"));
    let trace = &CALLER[3..35];
    for (name, log) in Fanout::logs(folder.path()) {
        for canary in CANARIES {
            assert!(!log.contains(canary), "{canary} is in the log of {name}");
        }
        for line in log.lines() {
            let line: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let worst = ["WARN", "ERROR"].contains(&line["level"].as_str().unwrap());
            let fake = line.to_string().contains("to a fake in this process");
            assert!(!worst || fake, "all is well, and {name} says {line}");
        }
        if name == "notification-api" {
            let line = log.lines().find(|line| line.contains("published")).unwrap();
            assert!(
                line.contains(trace) && line.contains("request.id"),
                "{line}"
            );
        }
    }
    for canary in CANARIES {
        assert!(!raw.contains(canary), "{canary} is in a span");
    }
}
