use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use signalbus::metrics::names;

use crate::history::Counters;

/// Adds up counters; gauges and histograms go nowhere.
#[derive(Debug, Default)]
pub(super) struct Tills {
    counters: Mutex<BTreeMap<(String, String), Arc<AtomicU64>>>,
}

impl Tills {
    pub(super) fn read(&self) -> Counters {
        let mut counters = Counters::default();
        let tills = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for ((name, label), value) in tills.iter() {
            let value = value.load(Ordering::SeqCst);
            if name == names::ATTEMPTED {
                counters.attempted.insert(label.clone(), value);
            } else if name == names::ENDED {
                counters.ended.insert(label.clone(), value);
            } else if name == names::PUBLISHED {
                counters.published += value;
            }
        }
        counters
    }
}

impl Recorder for Tills {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let label = key
            .labels()
            .find(|label| matches!(label.key(), "status" | "state"))
            .map_or("", |label| label.value());
        let mut tills = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let till = tills
            .entry((key.name().to_owned(), label.to_owned()))
            .or_default();
        Counter::from_arc(Arc::clone(till))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
