//! Steps, how long each took, and the summary at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a step that did not fail says about itself.
#[derive(Debug)]
pub(crate) enum Done {
    /// It ran; a few words for the summary, or none.
    Ran(String),
    /// It could not look, and that is no failure; why.
    NotChecked(String),
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    outcome: Result<Done, String>,
}

/// The steps of one run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    steps: Vec<Step>,
}

impl Report {
    /// Runs one step under a heading. A failure is kept for the summary.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Done, String>) {
        println!("\n== {name} ==");
        let start = Instant::now();
        let outcome = work();
        let took = start.elapsed();
        match &outcome {
            Ok(Done::Ran(_)) => {}
            Ok(Done::NotChecked(why)) => eprintln!("{name} NOT checked: {why}"),
            Err(why) => eprintln!("{name} FAILED: {why}"),
        }
        self.steps.push(Step {
            name: name.to_owned(),
            took,
            outcome,
        });
    }

    /// Prints the summary; the exit code tells whether every step passed.
    pub(crate) fn finish(self) -> ExitCode {
        println!("\n== summary ==\n{}", self.summary());
        if self.failed() == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn failed(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| step.outcome.is_err())
            .count()
    }

    fn summary(&self) -> String {
        let width = self.steps.iter().map(|step| step.name.len()).max();
        let width = width.unwrap_or_default();
        let mut lines: Vec<String> = self.steps.iter().map(|step| step.line(width)).collect();
        let total: Duration = self.steps.iter().map(|step| step.took).sum();
        lines.push(format!(
            "{} steps, {} failed, {:.1} s",
            self.steps.len(),
            self.failed(),
            total.as_secs_f64()
        ));
        lines.join("\n")
    }
}

impl Step {
    fn line(&self, width: usize) -> String {
        let (mark, note) = match &self.outcome {
            Ok(Done::Ran(note)) => ("ok", note),
            Ok(Done::NotChecked(why)) => ("NOT CHECKED", why),
            Err(why) => ("FAILED", why),
        };
        let line = format!(
            "{mark:11}  {name:width$}  {seconds:7.1} s  {note}",
            name = self.name,
            seconds = self.took.as_secs_f64()
        );
        line.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_does_not_stop_the_next_one_and_is_named() {
        let mut report = Report::default();
        report.step("first", || Err("it broke".to_owned()));
        report.step("second", || Ok(Done::Ran("3 things".to_owned())));
        report.step("third", || Ok(Done::NotChecked("no network".to_owned())));
        assert_eq!(report.failed(), 1);
        let summary = report.summary();
        let lines: Vec<&str> = summary.lines().collect();
        assert!(lines[0].starts_with("FAILED       first ") && lines[0].ends_with("it broke"));
        assert!(lines[1].starts_with("ok           second") && lines[1].ends_with("3 things"));
        assert!(lines[2].starts_with("NOT CHECKED  third ") && lines[2].ends_with("no network"));
        assert!(lines[3].starts_with("3 steps, 1 failed"));
    }
}
