use super::{
    run::{Run, run},
    script::{Action, Script},
};
use crate::history::Violation;

/// Makes the script of a failed run shorter while it still breaks the same promise in the same way, with at
/// most `budget` runs (delta debugging: whole parts are left out first, then single actions).
#[must_use]
pub fn shrink(failed: Run, budget: u32) -> Run {
    let Some(first) = failed.violations.first().cloned() else {
        return failed;
    };
    let mut best = failed;
    let mut left = budget;
    let mut parts = 2;
    while parts <= best.script.actions.len() {
        let length = best.script.actions.len().div_ceil(parts);
        let mut shorter = None;
        for part in 0..parts {
            if left == 0 {
                return best;
            }
            left -= 1;
            shorter = without(&best.script, part * length, length, &first);
            if shorter.is_some() {
                break;
            }
        }
        match shorter {
            Some(run) => {
                best = run;
                parts = (parts - 1).max(2);
            }
            None if length == 1 => return best,
            None => parts = (parts * 2).min(best.script.actions.len()),
        }
    }
    best
}

/// The run of a script without some of its actions, if it still breaks the invariant.
fn without(script: &Script, from: usize, length: usize, broken: &Violation) -> Option<Run> {
    let actions: Vec<Action> = script
        .actions
        .iter()
        .enumerate()
        .filter(|(at, _)| !(from..from + length).contains(at))
        .map(|(_, action)| action.clone())
        .collect();
    if actions.len() == script.actions.len() {
        return None;
    }
    let shorter = Script {
        actions,
        ..script.clone()
    };
    let run = run(&shorter).ok()?;
    let at = run.violations.iter().position(|found| {
        found.invariant == broken.invariant && words(&found.what) == words(&broken.what)
    })?;
    let mut run = run;
    run.violations.swap(0, at);
    Some(run)
}

/// A sentence without the numbers and ids in it.
fn words(what: &str) -> Vec<&str> {
    what.split(' ')
        .filter(|word| !word.contains(|letter: char| letter.is_ascii_digit()))
        .collect()
}
