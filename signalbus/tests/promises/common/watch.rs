//! What the engine says of itself while a test runs: metrics and logs.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tracing_subscriber::fmt::MakeWriter;

/// Runs a test in virtual time, on this thread.
fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(test)
}

/// Runs a test and gives back all series: the value of a counter or gauge, the number of values of
/// a histogram.
pub(crate) fn metered<T>(test: impl Future<Output = T>) -> (T, Series) {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let output = metrics::with_local_recorder(&recorder, || run(test));
    let mut series = BTreeMap::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let key = key.key();
        let labels = key.labels().map(|label| (label.key(), label.value()));
        let labels: BTreeMap<&str, &str> = labels.collect();
        let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let value = match value {
            DebugValue::Counter(count) => f64::from(u32::try_from(count).unwrap()),
            DebugValue::Gauge(value) => value.into_inner(),
            DebugValue::Histogram(values) => f64::from(u32::try_from(values.len()).unwrap()),
        };
        series.insert(format!("{}{{{}}}", key.name(), labels.join(",")), value);
    }
    (output, Series(series))
}

#[derive(Debug)]
pub(crate) struct Series(pub(crate) BTreeMap<String, f64>);

impl Series {
    /// The value of one series; zero when there is none.
    pub(crate) fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or(0.0)
    }

    /// All series of a name that are not zero.
    pub(crate) fn of(&self, name: &str) -> BTreeMap<&str, f64> {
        let mut found = BTreeMap::new();
        for (series, value) in &self.0 {
            if let Some(labels) = series.strip_prefix(name)
                && labels.starts_with('{')
                && *value != 0.0
            {
                found.insert(labels, *value);
            }
        }
        found
    }
}

/// Runs a test and gives back its log at the finest level, one record in each line.
pub(crate) fn logged<T>(test: impl Future<Output = T>) -> (T, String) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .without_time()
        .finish();
    let output = tracing::subscriber::with_default(subscriber, || run(test));
    let bytes = log.0.lock().unwrap().clone();
    (output, String::from_utf8(bytes).unwrap())
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
