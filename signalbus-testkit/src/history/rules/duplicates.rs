//! C3: at most one more send for each fault, and none without one.

use std::collections::{BTreeMap, BTreeSet};

use signalbus::{provider::Outcome, store::AttemptOutcome};

use super::sends::claim_of;
use crate::history::{
    Answer, Invariant, Seen,
    index::{Asked, Index, Track},
    verdict::Verdict,
};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for (delivery, track) in &index.tracks {
        let mut generations: BTreeMap<u32, Vec<&Asked<'_>>> = BTreeMap::new();
        for request in &track.requests {
            let asked = &index.requests[request];
            if asked.request.received {
                generations
                    .entry(asked.request.generation)
                    .or_default()
                    .push(asked);
            }
        }
        let interrupted: BTreeSet<(u32, u32)> = track.interrupted().collect();
        for (generation, requests) in &generations {
            one_for_each_attempt(verdict, requests);
            let sent: Vec<&&Asked<'_>> = requests
                .iter()
                .filter(|asked| asked.request.taken)
                .collect();
            let doubtful = requests
                .iter()
                .filter(|asked| {
                    is_doubtful(asked)
                        || interrupted.contains(&(*generation, asked.request.attempt))
                })
                .count();
            if sent.len() > 1 + doubtful {
                let what = format!(
                    "was sent {} times; faults explain {}",
                    sent.len(),
                    1 + doubtful
                );
                let lines = sent.iter().map(|asked| asked.at);
                verdict.broken(Invariant::BoundedDuplicates, *delivery, lines, what);
            }
            at_most_once(index, verdict, requests, &interrupted);
            if index.history.rules.calm && requests.len() > 1 {
                verdict.broken(
                    Invariant::BoundedDuplicates,
                    *delivery,
                    requests.iter().map(|asked| asked.at),
                    "was tried again although nothing was broken",
                );
            }
        }
        for (generation, attempt) in interrupted {
            interrupted_by_a_fault(index, verdict, track, generation, attempt);
        }
    }
}

/// Whether nobody can know from the answer whether the message was sent.
fn is_doubtful(asked: &Asked<'_>) -> bool {
    matches!(
        asked.answer,
        None | Some(Answer::Nothing)
            | Some(Answer::Failed {
                outcome: Outcome::Unknown,
                ..
            })
    )
}

fn one_for_each_attempt(verdict: &mut Verdict, requests: &[&Asked<'_>]) {
    let mut attempts: BTreeMap<u32, usize> = BTreeMap::new();
    for asked in requests {
        if let Some(first) = attempts.insert(asked.request.attempt, asked.at) {
            let what = format!("attempt {} reached a provider twice", asked.request.attempt);
            verdict.broken(
                Invariant::BoundedDuplicates,
                asked.request.delivery,
                [first, asked.at],
                what,
            );
        }
    }
}

fn at_most_once(
    index: &Index<'_>,
    verdict: &mut Verdict,
    requests: &[&Asked<'_>],
    interrupted: &BTreeSet<(u32, u32)>,
) {
    let bound = |asked: &&&Asked<'_>| {
        index
            .history
            .rules
            .at_most_once
            .contains(&asked.request.channel)
    };
    let mut before: Option<usize> = None;
    for asked in requests.iter().filter(bound) {
        if let Some(before) = before {
            verdict.broken(
                Invariant::BoundedDuplicates,
                asked.request.delivery,
                [before, asked.at],
                "was sent again although it may have been sent, on a channel that sends at most once",
            );
        }
        let key = (asked.request.generation, asked.request.attempt);
        if asked.request.taken || is_doubtful(asked) || interrupted.contains(&key) {
            before = Some(asked.at);
        }
    }
}

/// A record gets lost only when the worker that should have written it was broken.
fn interrupted_by_a_fault(
    index: &Index<'_>,
    verdict: &mut Verdict,
    track: &Track<'_>,
    generation: u32,
    attempt: u32,
) {
    let request = track
        .requests
        .iter()
        .map(|request| &index.requests[request])
        .find(|asked| (asked.request.generation, asked.request.attempt) == (generation, attempt));
    let Some(asked) = request else { return };
    let from = claim_of(index, asked).unwrap_or(asked.at);
    let to = found_out(index, track, generation, attempt);
    let worker = &asked.request.worker;
    if !index.was_broken(worker, from, to) && !index.was_cut_off(worker, from, to) {
        let what = format!("the record of attempt {attempt} was lost without a fault");
        verdict.broken(
            Invariant::BoundedDuplicates,
            asked.request.delivery,
            [from, asked.at],
            what,
        );
    }
}

/// When the next owner of the lane wrote down that a record was lost.
fn found_out(index: &Index<'_>, track: &Track<'_>, generation: u32, attempt: u32) -> usize {
    let found = track.steps.iter().copied().find(|at| {
        matches!(&index.event(*at).seen, Seen::Settled { step, outcome, .. }
            if (step.generation, step.attempt) == (generation, attempt)
                && *outcome == AttemptOutcome::Interrupted)
    });
    found.unwrap_or(index.history.events.len())
}

/// How many sends were one too many, by cause: for people.
pub(in crate::history) fn causes(index: &Index<'_>) -> BTreeMap<&'static str, u64> {
    let mut causes = BTreeMap::new();
    for track in index.tracks.values() {
        let mut sent = BTreeSet::new();
        let interrupted: BTreeSet<(u32, u32)> = track.interrupted().collect();
        for request in &track.requests {
            let asked = &index.requests[request];
            let request = asked.request;
            if !request.taken {
                continue;
            }
            if !sent.insert(request.generation) {
                let cause = if interrupted
                    .iter()
                    .any(|(generation, _)| *generation == request.generation)
                {
                    "lost record"
                } else {
                    "no answer"
                };
                *causes.entry(cause).or_default() += 1;
            }
        }
    }
    causes
}
