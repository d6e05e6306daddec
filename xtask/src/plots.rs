//! `cargo xtask plots`: pictures of what the benchmarks wrote into `benches/results/`, as bars in SVG.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::report::{Done, Report};

/// A picture: its file, its title, what is shown of a result, and of which loads.
struct Plot {
    file: &'static str,
    title: &'static str,
    measure: &'static str,
    unit: &'static str,
    loads: &'static str,
}

const PLOTS: [Plot; 4] = [
    Plot {
        file: "drain",
        title: "From a backlog",
        measure: "drain_per_second",
        unit: "a second",
        loads: "",
    },
    Plot {
        file: "whole",
        title: "From publish to the last result",
        measure: "whole_per_second",
        unit: "a second",
        loads: "",
    },
    Plot {
        file: "steady",
        title: "Published and sent at the same time",
        measure: "per_second",
        unit: "a second",
        loads: "",
    },
    Plot {
        file: "latency",
        title: "From publish to send, 99 of 100",
        measure: "p99_ms",
        unit: "ms",
        loads: "latency",
    },
];

pub(crate) fn run(report: &mut Report) {
    report.step("pictures of results", || {
        let results = results(Path::new("benches/results"))?;
        let folder = Path::new("docs/compare/plots");
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let mut drawn = 0;
        for plot in &PLOTS {
            let bars = bars(plot, &results);
            if bars.is_empty() {
                continue;
            }
            let file = folder.join(format!("{}.svg", plot.file));
            fs::write(&file, draw(plot, &bars)).map_err(|error| error.to_string())?;
            drawn += 1;
        }
        Ok(Done::Ran(format!("{drawn} of {} results", results.len())))
    });
}

/// All loads of all files, in the order of the files' names.
fn results(folder: &Path) -> Result<Vec<Value>, String> {
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "json"))
    {
        let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
        let read: Value =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        all.extend(read["loads"].as_array().into_iter().flatten().cloned());
    }
    Ok(all)
}

fn bars(plot: &Plot, results: &[Value]) -> Vec<(String, f64)> {
    let shown = results.iter().filter_map(|result| {
        let load = result["load"].as_str()?;
        let value = result[plot.measure]
            .as_f64()
            .filter(|_| load.starts_with(plot.loads))?;
        Some((format!("{}: {load}", result["system"].as_str()?), value))
    });
    shown.collect()
}

const WIDTH: f64 = 720.0;
const LABELS: f64 = 300.0;
const ROW: f64 = 28.0;

fn draw(plot: &Plot, bars: &[(String, f64)]) -> String {
    let most = bars
        .iter()
        .map(|(_, value)| *value)
        .fold(0.0_f64, f64::max)
        .max(f64::MIN_POSITIVE);
    let height = ROW * (f64::from(u32::try_from(bars.len()).unwrap_or(u32::MAX)) + 2.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>{0}</title>\n<text x=\"8\" y=\"20\" font-weight=\"bold\">{0}, {1}</text>\n",
        plot.title, plot.unit
    );
    let mut y = ROW * 1.5;
    for (label, value) in bars {
        let width = (WIDTH - LABELS - 80.0) * value / most;
        let colour = if label.starts_with("signalbus") {
            "#2266aa"
        } else {
            "#999999"
        };
        let shown = if *value >= 100.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.1}")
        };
        let middle = y + 14.0;
        let behind = LABELS + width + 6.0;
        // Writing into a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"8\" y=\"{middle}\">{label}</text><rect x=\"{LABELS}\" y=\"{y}\" width=\"{width:.1}\" height=\"18\" fill=\"{colour}\"/><text x=\"{behind:.1}\" y=\"{middle}\">{shown}</text>"
        );
        y += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_value() {
        let result = |system: &str, value: f64| serde_json::json!({ "system": system, "load": "drain", "drain_per_second": value });
        let results = [result("signalbus", 200.0), result("other", 100.0)];
        let bars = bars(&PLOTS[0], &results);
        assert_eq!(bars.len(), 2);
        let svg = draw(&PLOTS[0], &bars);
        assert!(
            svg.contains("width=\"340.0\"") && svg.contains("width=\"170.0\""),
            "{svg}"
        );
    }
}
