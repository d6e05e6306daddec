//! C3: at most one more send for each fault, and none without one.

use std::collections::{BTreeMap, BTreeSet};

use signalbus::{ProviderName, provider::Outcome, store::AttemptOutcome};

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
            at_most_once(index, verdict, track, requests, &interrupted);
            asks_first(index, verdict, track, requests);
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
        None | Some(Answer::Nothing | Answer::Panicked)
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
    track: &Track<'_>,
    requests: &[&Asked<'_>],
    interrupted: &BTreeSet<(u32, u32)>,
) {
    let rules = &index.history.rules;
    let bound = |asked: &&&Asked<'_>| rules.at_most_once.contains(&asked.request.channel);
    let mut before: Option<usize> = None;
    for asked in requests.iter().filter(bound) {
        let recognised = rules.recognising.contains(&asked.request.provider);
        if let Some(before) = before
            && (asked.request.taken || !recognised)
            && !was_denied(index, track, asked, before)
        {
            verdict.broken(
                Invariant::BoundedDuplicates,
                asked.request.delivery,
                [before, asked.at],
                "was sent again although it may have been sent, on a channel that sends at most once",
            );
        }
        let key = (asked.request.generation, asked.request.attempt);
        let doubtful = !recognised && (is_doubtful(asked) || interrupted.contains(&key));
        if asked.request.taken || doubtful {
            before = Some(asked.at);
        }
    }
}

/// Whether a provider said, between two requests, that it never took the message.
fn was_denied(index: &Index<'_>, track: &Track<'_>, asked: &Asked<'_>, since: usize) -> bool {
    track.lookups.iter().any(|at| {
        (since..asked.at).contains(at)
            && matches!(&index.event(*at).seen, Seen::LookedUp { generation, taken, .. }
                if *generation == asked.request.generation && *taken == Some(false))
    })
}

/// A provider that can be asked is asked before it gets a message again that it took, and what it
/// says is believed. Nobody can ask for a worker that stood still, or keep one from sending.
fn asks_first(
    index: &Index<'_>,
    verdict: &mut Verdict,
    track: &Track<'_>,
    requests: &[&Asked<'_>],
) {
    let mut taken: BTreeMap<&ProviderName, &Asked<'_>> = BTreeMap::new();
    for asked in requests {
        let provider = &asked.request.provider;
        let before = taken.get(provider).copied();
        if asked.request.taken && index.history.rules.asked.contains(provider) {
            taken.insert(provider, asked);
        }
        let Some(before) = before else { continue };
        let (what, at) = match last_lookup(index, track, asked) {
            Some((_, None)) => continue,
            Some((at, Some(true))) => (
                "was sent again although its provider had it, and had said so",
                Some(at),
            ),
            Some((at, Some(false))) if at < before.at => continue,
            Some((at, Some(false))) => ("is in the books of a provider that denies it", Some(at)),
            None => ("was sent again without asking its provider", None),
        };
        let stood_still = [before, asked].into_iter().any(|asked| {
            let from = claim_of(index, asked).unwrap_or(asked.at);
            index.was_broken(&asked.request.worker, from, asked.at)
        });
        if !stood_still {
            let lines = [before.at].into_iter().chain(at).chain([asked.at]);
            verdict.broken(
                Invariant::BoundedDuplicates,
                asked.request.delivery,
                lines,
                what,
            );
        }
    }
}

/// What the provider of a request said last, when the worker asked it for the same attempt.
fn last_lookup(
    index: &Index<'_>,
    track: &Track<'_>,
    asked: &Asked<'_>,
) -> Option<(usize, Option<bool>)> {
    let request = asked.request;
    let from = claim_of(index, asked)?;
    track.lookups.iter().rev().find_map(|at| {
        let event = index.event(*at);
        match &event.seen {
            Seen::LookedUp {
                provider,
                generation,
                taken,
                ..
            } if (from..asked.at).contains(at)
                && *provider == request.provider
                && *generation == request.generation
                && event.actor == request.worker =>
            {
                Some((*at, *taken))
            }
            _ => None,
        }
    })
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
