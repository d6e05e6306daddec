//! `docs/metrics.md` against what a real engine exports.

#![cfg(test)]

mod exposition;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use exposition::{elsewhere, exposition, reference};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use signalbus::{MemoryStore, Signalbus, Topic, bus::MemoryBus};
use signalbus_deploy::{exporter, load::Load};

/// Metrics that a run without faults does not have.
const FAULTS: [&str; 4] = [
    "bus_offsets_gone_total",
    "notifications_unserved",
    "store_errors_total",
    "worker_lane_lost_total",
];

fn run_a_while() -> String {
    let recorder = exporter::builder().unwrap().build_recorder();
    let handle = recorder.handle();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let load = Load::start(Arc::new(MemoryStore::new())).unwrap();
            for _ in 0..10 {
                load.round(50).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            }
            load.signalbus().idle().await;
            load.signalbus().shutdown().await;
        });
    });
    handle.render()
}

#[test]
fn the_reference_says_what_is_exported_and_nothing_else() {
    let page = run_a_while();
    let (reference, exported) = (reference(), exposition(&page));
    for (name, line) in &exported {
        let Some(says) = reference.get(name) else {
            panic!("{name} is not in docs/metrics.md: {line:?}");
        };
        assert_eq!(line, says, "{name}: exported, and in docs/metrics.md");
    }
    let missing: BTreeSet<&str> = reference
        .keys()
        .filter(|name| !exported.contains_key(*name) && !elsewhere().contains(*name))
        .map(String::as_str)
        .collect();
    assert_eq!(
        missing,
        BTreeSet::from(FAULTS),
        "in docs/metrics.md, and not exported"
    );
    for person in ["person-", "example.org", "4477009", "grumpy"] {
        assert!(
            !page.contains(person),
            "an address or name in the metrics: {person}"
        );
    }
}

/// Keeps what is described.
#[derive(Debug, Default)]
struct Described(Mutex<BTreeMap<String, Description>>);

/// Type, unit and text.
type Description = (&'static str, Option<Unit>, String);

impl Described {
    fn add(&self, kind: &'static str, name: KeyName, unit: Option<Unit>, says: SharedString) {
        let entry = (kind, unit, says.into_owned());
        self.0
            .lock()
            .unwrap()
            .insert(name.as_str().to_owned(), entry);
    }
}

impl Recorder for &'static Described {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, says: SharedString) {
        self.add("counter", name, unit, says);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, says: SharedString) {
        self.add("gauge", name, unit, says);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, says: SharedString) {
        self.add("histogram", name, unit, says);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn the_engine_describes_each_of_its_metrics_once() {
    let described: &'static Described = Box::leak(Box::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    metrics::with_local_recorder(&described, || {
        runtime.block_on(async {
            let topic = Topic::new("events").unwrap();
            let builder = Signalbus::builder().in_memory();
            // Whoever reads no bus has no metrics of one.
            let engine = builder
                .bus(MemoryBus::new(), &topic, "load")
                .start()
                .await
                .unwrap();
            engine.idle().await;
            engine.shutdown().await;
        });
    });
    let described = described.0.lock().unwrap();
    let reference = reference();
    let elsewhere = elsewhere();
    let ours =
        |name: &&String| !elsewhere.contains(*name) && !name.starts_with("signalbus_callbacks");
    let named: BTreeSet<&String> = reference.keys().filter(ours).collect();
    assert_eq!(described.keys().collect::<BTreeSet<_>>(), named);
    for (name, (kind, unit, says)) in described.iter() {
        assert_eq!(*kind, reference[name].kind, "{name}");
        assert_eq!(
            *unit == Some(Unit::Seconds),
            name.contains("_seconds"),
            "{name}"
        );
        assert!(says.len() > 10, "{name}: {says}");
    }
}
