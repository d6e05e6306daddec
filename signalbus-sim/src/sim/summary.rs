use std::{collections::BTreeMap, fmt, time::Duration};

use signalbus::store::State;

use super::{
    run::Run,
    script::{Mode, Script},
    shrink::shrink,
};
use crate::history::{Invariant, Seen, story};

/// What many runs came to, for people.
#[derive(Debug, Default)]
pub struct Summary {
    runs: u64,
    accepted: u64,
    requests: u64,
    sent: u64,
    duplicates: BTreeMap<&'static str, u64>,
    ended: BTreeMap<&'static str, u64>,
    lost: u64,
    recovery: Vec<Duration>,
    broken: BTreeMap<Invariant, u64>,
    failed: Vec<u64>,
}

impl Summary {
    /// Adds a run.
    pub fn add(&mut self, run: &Run) {
        self.runs += 1;
        for event in &run.history.events {
            match &event.seen {
                Seen::Stored { deliveries, .. } => self.accepted += count(deliveries.len()),
                Seen::Request(request) => {
                    self.requests += 1;
                    self.sent += u64::from(request.taken);
                }
                _ => {}
            }
        }
        for (cause, duplicates) in run.history.duplicates() {
            *self.duplicates.entry(cause).or_default() += duplicates;
        }
        for end in &run.history.ends {
            let state = match end.state {
                State::Ended(state) => state.as_str(),
                _ => "open",
            };
            *self.ended.entry(state).or_default() += 1;
        }
        self.recovery.push(run.recovery);
        for violation in &run.violations {
            *self.broken.entry(violation.invariant).or_default() += 1;
            self.lost += u64::from(violation.invariant == Invariant::Accounted);
        }
        if !run.violations.is_empty() {
            self.failed.push(run.script.seed);
        }
    }

    /// The seeds that failed.
    #[must_use]
    pub fn failed(&self) -> &[u64] {
        &self.failed
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} runs", self.runs)?;
        writeln!(f, "  accepted    {} deliveries", self.accepted)?;
        writeln!(
            f,
            "  sent        {} in {} requests",
            self.sent, self.requests
        )?;
        let total: u64 = self.duplicates.values().sum();
        write!(f, "  duplicates  {total}")?;
        for (cause, count) in &self.duplicates {
            write!(f, ", {count} by {cause}")?;
        }
        writeln!(f, "\n  lost        {}", self.lost)?;
        write!(f, "  ended       ")?;
        for (nth, (state, count)) in self.ended.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{count} {state}")?;
        }
        let longest = self.recovery.iter().max().copied().unwrap_or_default();
        let runs = u32::try_from(self.recovery.len())
            .unwrap_or(u32::MAX)
            .max(1);
        let mean = self.recovery.iter().sum::<Duration>() / runs;
        writeln!(
            f,
            "\n  recovery    {mean:.1?} on average, {longest:.1?} at most"
        )?;
        if self.broken.is_empty() {
            return writeln!(f, "  every promise was kept");
        }
        for (invariant, count) in &self.broken {
            writeln!(
                f,
                "  BROKEN      {} ({}) {count} times",
                invariant.code(),
                invariant.promise()
            )?;
        }
        writeln!(f, "  seeds       {:?}", self.failed)
    }
}

impl Run {
    /// What went wrong, the command that replays it, and the shortest script found that still
    /// fails, with what happened in it.
    #[must_use]
    pub fn report(self, budget: u32) -> String {
        use std::fmt::Write as _;
        let seed = self.script.seed;
        let liveness = if self.script.mode == Mode::Liveness {
            " --liveness"
        } else {
            ""
        };
        let all = self.script.actions.len();
        let mut text = format!("seed {seed} failed: cargo xtask sim --seed {seed}{liveness}\n");
        // Writing to a string cannot fail.
        for violation in self.violations.iter().take(5) {
            let _ = writeln!(text, "  {violation}");
        }
        let shrunk = shrink(self, budget);
        let _ = write!(
            text,
            "{} of {all} actions are enough:\n{}",
            shrunk.script.actions.len(),
            shrunk.script
        );
        if let Some(violation) = shrunk.violations.first() {
            let lines = story(&shrunk.history, violation);
            let _ = write!(text, "what happened:\n{lines}  so: {violation}\n");
        }
        text
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:?}", self.setup)?;
        for action in &self.actions {
            writeln!(
                f,
                "  {:>8.3} s  #{} {:?}",
                action.at.as_secs_f64(),
                action.id,
                action.what
            )?;
        }
        Ok(())
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
