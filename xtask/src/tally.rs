//! Counting what the test harness prints.

/// Counts of all test binaries of one run, and the names worth repeating at the end.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    ignored: usize,
    failures: Vec<String>,
    left_out: Vec<String>,
}

impl Tally {
    /// Takes one line of output.
    pub(crate) fn line(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.ignored += count(counts, "ignored");
        } else if let Some((name, verdict)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "))
        {
            if verdict == "FAILED" {
                self.failures.push(name.to_owned());
            } else if verdict.starts_with("ignored") {
                self.left_out.push(format!("{name}: {verdict}"));
            }
        }
    }

    /// One phrase for the summary; names what failed and what was left out.
    pub(crate) fn phrase(&self) -> String {
        let mut phrase = format!(
            "{} passed, {} failed, {} ignored",
            self.passed, self.failed, self.ignored
        );
        for name in self.failures.iter().chain(&self.left_out) {
            phrase.push_str("\n               ");
            phrase.push_str(name);
        }
        phrase
    }
}

/// The number before `what` in `ok. 3 passed; 0 failed; 1 ignored; ...`.
fn count(counts: &str, what: &str) -> usize {
    counts
        .split([';', '.'])
        .filter_map(|part| part.trim().strip_suffix(what))
        .find_map(|number| number.trim().parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binaries_add_up_and_names_are_kept() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test engine::sends ... ok",
            "test engine::retries ... FAILED",
            "test engine::slow ... ignored, needs a day",
            "test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test src/lib.rs - Engine (line 12) ... ok",
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.20s",
        ] {
            tally.line(line);
        }
        assert_eq!(
            tally.phrase(),
            "13 passed, 1 failed, 1 ignored\n               engine::retries\n               engine::slow: ignored, needs a day"
        );
    }
}
