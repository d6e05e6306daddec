//! `kill -9` at each point of a send: the books of the fake and our history agree, what the look-up finds is
//! not sent twice, and what it cannot tell follows the guarantee.
//!
//! The program starts itself as the process that sends, kills it when the fake says that it is where it
//! should be, and starts it again to finish.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it does"
)]

mod child;
mod fake;
mod parent;

use child::Job;
use fake::Kind;
use parent::{Scenario, kill};
use signalbus_testkit::fakes::Act;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match Job::from_args() {
        Some(job) => runtime.block_on(child::run(job)),
        // Those who only want to know what tests there are get none.
        None if std::env::args().any(|argument| argument == "--list") => {}
        None => runtime.block_on(all()),
    }
}

async fn all() {
    let points = [
        (
            "the head of the request is written",
            Act::StallRequest(0),
            false,
        ),
        (
            "a part of the request is written",
            Act::StallRequest(100),
            false,
        ),
        (
            "the message is taken and not answered",
            Act::TakeAndStall,
            true,
        ),
        ("the answer is coming in", Act::Drip, true),
    ];
    let mut scenarios = Vec::new();
    let asked = [(true, false), (true, true), (false, false), (false, true)];
    for kind in [Kind::Mail, Kind::Text] {
        for &(name, ref act, taken) in &points {
            for (looks_up, at_most_once) in asked {
                scenarios.push(kill(Scenario {
                    name,
                    kind,
                    act: act.clone(),
                    taken,
                    looks_up,
                    at_most_once,
                }));
            }
        }
    }
    // One after the other: the time of each is that of two processes.
    for scenario in scenarios {
        scenario.await;
    }
}
