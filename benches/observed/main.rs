//! What metrics cost the engine, and what traces cost that nobody records: instructions of one run, counted
//! by callgrind.
//!
//! `cargo bench -p signalbus-benches --bench observed`. Needs valgrind.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{error::Error, hint::black_box, process::Command};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use signalbus::{
    Event, Idempotency, MemoryStore, Policy, Recipient, Signalbus,
    store::{DeliveryFilter, EndState, State},
};
use signalbus_benches::{NoTemplates, Taker};

const DELIVERIES: u64 = 5_000;
const BATCH: u64 = 100;

/// Set in the process that is counted.
const COUNTED: &str = "SIGNALBUS_BENCH_COUNTED";

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are small"
)]
fn main() -> Result<(), Box<dyn Error>> {
    if std::env::var_os(COUNTED).is_some() {
        // What is done once is done.
        plain(BATCH)?;
        plain_counted(DELIVERIES)?;
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || plain(BATCH))?;
        measured_counted(&recorder, DELIVERIES)?;
        let page = recorder.handle().render();
        assert!(
            page.contains("notifications_ended_total"),
            "nothing was measured"
        );
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let counts = folder.path().join("counts");
    let status = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(std::env::current_exe()?)
        .env(COUNTED, "1")
        .status()
        .map_err(|error| format!("valgrind: {error}: install it"))?;
    if !status.success() {
        return Err("the counted process failed".into());
    }
    let annotate = |inclusive: &str| -> Result<Vec<(u64, String)>, Box<dyn Error>> {
        let output = Command::new("callgrind_annotate")
            .args(["--threshold=100", "--show-percs=no", "--auto=no", inclusive])
            .arg(&counts)
            .output()?;
        Ok(lines(&String::from_utf8_lossy(&output.stdout)))
    };
    let whole = annotate("--inclusive=yes")?;
    let of = |name: &str| -> Result<u64, Box<dyn Error>> {
        let found = whole.iter().filter(|(_, function)| function.contains(name));
        found
            .map(|(count, _)| *count)
            .max()
            .ok_or_else(|| format!("{name} was not counted").into())
    };
    let (plain, measured) = (
        of("observed::plain_counted")?,
        of("observed::measured_counted")?,
    );
    let own = annotate("--inclusive=no")?;
    let all: u64 = own.iter().map(|(count, _)| count).sum();
    let traces = own.iter().filter(|(_, place)| is_of_traces(place));
    let traces: u64 = traces.map(|(count, _)| count).sum();
    let each = |count: u64| count / DELIVERIES;
    println!("{DELIVERIES} deliveries on the store in memory, without rendering");
    println!(
        "without a recorder    {:>7} instructions a delivery",
        each(plain)
    );
    println!(
        "recorded (Prometheus) {:>7}: metrics are {:.2} %",
        each(measured),
        100.0 * measured.saturating_sub(plain) as f64 / measured as f64
    );
    println!(
        "traces that nobody records: {:.2} % of all instructions",
        100.0 * traces as f64 / all as f64
    );
    Ok(())
}

/// Counts, and `file:function` behind them.
fn lines(text: &str) -> Vec<(u64, String)> {
    let parse = |line: &str| {
        let (count, place) = line.trim_start().split_once("  ")?;
        let count = count.replace(',', "").parse().ok()?;
        Some((count, place.trim().to_owned()))
    };
    text.lines()
        .filter(|line| !line.contains("PROGRAM TOTALS"))
        .filter_map(parse)
        .collect()
}

/// Code of `tracing`, by itself or inlined into another function.
fn is_of_traces(place: &str) -> bool {
    // Code of ours or of the standard library that is inlined into a function of theirs is not theirs.
    place.contains("/tracing-")
        || place.strip_prefix("???:").is_some_and(|function| {
            let name = function.trim_start_matches(['<', '&']);
            name.starts_with("tracing")
        })
}

#[inline(never)]
fn plain_counted(deliveries: u64) -> Result<(), Box<dyn Error>> {
    black_box(plain(black_box(deliveries)))
}

#[inline(never)]
fn measured_counted(recorder: &PrometheusRecorder, deliveries: u64) -> Result<(), Box<dyn Error>> {
    metrics::with_local_recorder(recorder, || black_box(plain(black_box(deliveries))))
}

/// Publishes, sends and records so many.
fn plain(deliveries: u64) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(deliveries))
}

async fn run(deliveries: u64) -> Result<(), Box<dyn Error>> {
    let taker = Taker::default();
    let signalbus = Signalbus::builder()
        .channel(NoTemplates, taker.clone())
        .policy(Policy::new().on::<NoTemplates>("bench.*"))
        .store(MemoryStore::new())
        .start()
        .await?;
    for first in (0..deliveries).step_by(usize::try_from(BATCH)?) {
        let events = (first..first + BATCH).map(|number| {
            let recipient = Recipient::new().on::<NoTemplates>(format!("somebody-{number}"));
            Event::new("bench.line", Idempotency::None)
                .to(recipient)
                .data(serde_json::json!({ "text": "your parcel is on its way", "number": number }))
        });
        signalbus.publish_all(events.collect()).await?;
        taker.reaches(first + BATCH).await;
    }
    signalbus.idle().await;
    let accepted = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
    let tally = signalbus.tally(&accepted).await?;
    assert_eq!(
        tally.iter().map(|tally| tally.count).sum::<u64>(),
        deliveries
    );
    signalbus.shutdown().await;
    Ok(())
}
