//! Four processes at one shared limit, counted where they send to.
//!
//! The test starts this binary again as children. Each has an engine and a store of its own, more work
//! than the limit lets through, and a provider that says one byte to the parent for each message and waits
//! for it to be said back. Only the limiter is shared.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, measures real time and tells what it measured"
)]

mod child;
mod counter;
#[path = "../support/line.rs"]
mod line;

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use counter::Counter;
use signalbus_servers::Redis;

const PROCESSES: usize = 4;
pub(crate) const RATE: u32 = 200;
pub(crate) const BURST: u32 = 40;

/// Children that are killed with the test.
struct Children(Vec<Child>);

impl Children {
    fn start(url: &str, counter: &Counter, seconds: u32) -> Self {
        let child = |_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child::work", "--nocapture", "--ignored"])
                .env(child::REDIS, url)
                .env(child::COUNTER, counter.address())
                // As much as the limit lets through and more, should one be alone.
                .env(child::MESSAGES, (RATE * (seconds + 3)).to_string())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        };
        Self((0..PROCESSES).map(child).collect())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// For as many seconds as `SIGNALBUS_TEST_SECONDS` says, ten unless it says so.
#[test]
fn four_processes_keep_one_limit_and_use_it() {
    let seconds = std::env::var("SIGNALBUS_TEST_SECONDS");
    let seconds: u32 = seconds.map_or(10, |text| text.parse().unwrap());
    let server = Redis::start().unwrap();
    let counter = Counter::start(PROCESSES);
    let children = Children::start(&server.url(), &counter, seconds);
    counter.begin();
    std::thread::sleep(Duration::from_secs(seconds.into()));
    drop(children);
    let times = counter.times();
    let from = *times.first().unwrap();
    let most = busiest(&times);
    let until = from + Duration::from_secs(seconds.into());
    let used = times.iter().filter(|time| **time < until).count();
    let whole = usize::try_from(RATE * seconds).unwrap();
    println!(
        "{used} of {whole} in {seconds} s ({:.1} %), {most} in the busiest second, by process {:?}",
        percent(used, whole),
        counter.shares()
    );
    assert!(
        most <= usize::try_from(RATE + BURST).unwrap(),
        "{most} in a second"
    );
    assert!(used * 100 >= whole * 95, "only {used} of {whole} were used");
}

/// Without the server each holds a quarter; when it is back they share again.
#[test]
fn without_the_server_each_holds_its_share() {
    let mut server = Redis::start().unwrap();
    let counter = Counter::start(PROCESSES);
    let children = Children::start(&server.url(), &counter, 20);
    counter.begin();
    std::thread::sleep(Duration::from_secs(2));
    server.kill().unwrap();
    // What they hold and the turn from one to the other are over.
    std::thread::sleep(Duration::from_secs(2));
    let from = counter.now();
    std::thread::sleep(Duration::from_secs(5));
    let away: Vec<Duration> = counter
        .times()
        .into_iter()
        .filter(|time| *time >= from)
        .collect();
    server.resume().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let again = counter.now();
    std::thread::sleep(Duration::from_secs(5));
    drop(children);
    let back: Vec<Duration> = counter
        .times()
        .into_iter()
        .filter(|time| *time >= again)
        .collect();
    let (alone, together) = (busiest(&away), busiest(&back));
    println!(
        "away: {} in 5 s, {alone} in the busiest second; back: {} in 5 s, {together} in the busiest second",
        away.len(),
        back.len()
    );
    let most = usize::try_from(RATE + BURST).unwrap();
    assert!(alone <= most, "{alone} in a second without the server");
    assert!(
        together <= most,
        "{together} in a second with the server back"
    );
    // It went on, and came back: some of it is enough to know.
    assert!(away.len() > 500 && back.len() > 500);
}

/// The most in any second.
fn busiest(times: &[Duration]) -> usize {
    let second = Duration::from_secs(1);
    let counts = (0..times.len()).map(|index| {
        let later = times[index..].iter();
        later
            .take_while(|time| **time < times[index] + second)
            .count()
    });
    counts.max().unwrap_or(0)
}

fn percent(part: usize, whole: usize) -> f64 {
    let exact = |count: usize| f64::from(u32::try_from(count).unwrap());
    exact(part) * 100.0 / exact(whole)
}
