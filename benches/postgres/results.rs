//! Results as JSON: of each load the round in the middle, with the lowest and the highest beside it.

use std::{error::Error, fs, path::Path};

use serde_json::{Value, json};

/// Writes `benches/results/NAME.json`.
pub(crate) fn write(name: &str, rounds: Vec<Vec<Value>>) -> Result<(), Box<dyn Error>> {
    let loads = rounds.first().map_or(0, Vec::len);
    let mut shown = Vec::new();
    for load in 0..loads {
        let mut of_load: Vec<Value> = rounds.iter().map(|round| round[load].clone()).collect();
        let measures = ["whole_per_second", "per_second", "p99_ms"];
        let measured = |name: &&str| !of_load[0][*name].is_null();
        let measure = measures.into_iter().find(measured).unwrap_or("p99_ms");
        let value = |of: &Value| of[measure].as_f64().unwrap_or(0.0);
        of_load.sort_by(|a, b| value(a).total_cmp(&value(b)));
        let (low, high) = (value(&of_load[0]), value(&of_load[of_load.len() - 1]));
        let mut middle = of_load.swap_remove(of_load.len() / 2);
        middle["from"] = json!(low);
        middle["to"] = json!(high);
        shown.push(middle);
    }
    let all = json!({
        "rounds": rounds.len(),
        "settings": "private server, synchronous_commit=on, shared_buffers=512MB, max_wal_size=4GB; client on the same machine",
        "loads": shown,
    });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.json"));
    fs::write(&file, format!("{}\n", serde_json::to_string_pretty(&all)?))?;
    println!("written to {}", file.display());
    Ok(())
}
