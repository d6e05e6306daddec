//! River and Graphile Worker, driven by the programs in `benches/peers`, in the same run on the same server. They are
//! built by whoever wants them, and named by variables.

use std::{error::Error, process::Command};

use serde_json::Value;

use crate::{DELIVERIES, server::Server};

/// The program made of `benches/peers/river` by `go build`.
const RIVER: &str = "SIGNALBUS_BENCH_RIVER";

/// The file `benches/peers/graphile/run.cjs`, beside what `npm install` brought.
const GRAPHILE: &str = "SIGNALBUS_BENCH_GRAPHILE";

pub(crate) async fn round(server: &Server, round: usize) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut results = Vec::new();
    let count = DELIVERIES.to_string();
    if let Ok(river) = std::env::var(RIVER) {
        let url = server.database(&format!("river_{round}")).await?;
        results.push(run(&url, "", &river, &["-n", &count])?);
        for (count, rate) in [("2000", "200"), ("10000", "1000")] {
            results.push(run(&url, "", &river, &["-n", count, "-rate", rate])?);
        }
    }
    if let Ok(graphile) = std::env::var(GRAPHILE) {
        let url = server.database(&format!("graphile_{round}")).await?;
        results.push(run(&url, "best", "node", &[&graphile, &count])?);
        results.push(run(&url, "upstream", "node", &[&graphile, &count])?);
        results.push(run(&url, "defaults", "node", &[&graphile, "10000"])?);
        for (count, rate) in [("2000", "200"), ("10000", "1000")] {
            results.push(run(&url, "latency", "node", &[&graphile, count, rate])?);
        }
    }
    Ok(results)
}

fn run(url: &str, mode: &str, program: &str, words: &[&str]) -> Result<Value, Box<dyn Error>> {
    let mut command = Command::new(program);
    command
        .args(words)
        .env("DATABASE_URL", url)
        .env("MODE", mode)
        .env("GOGC", "800");
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let result: Value = serde_json::from_slice(&output.stdout)?;
    println!("{result}");
    Ok(result)
}
