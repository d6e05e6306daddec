//! C8: attempts end when they must, an open breaker uses none up, and retries are a share of
//! first tries.

use std::collections::{BTreeMap, BTreeSet};

use signalbus::{
    DeliveryId, ProviderName,
    provider::{Fault, Outcome},
    store::{AttemptOutcome, Reason},
};

use crate::history::{Answer, Invariant, Seen, Step, index::Index, verdict::Verdict};

/// Retries that a worker may make at once, for each second, and for each first try.
const SAVED: f64 = 20.0;
const PER_SECOND: f64 = 20.0;
const SHARE: f64 = 0.2;

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let probes = probes(index);
    for (delivery, track) in &index.tracks {
        let mut counted = 0;
        for at in track.steps.iter().copied() {
            match &index.event(at).seen {
                Seen::Redriven { .. } => counted = 0,
                Seen::Settled {
                    step,
                    outcome,
                    fault,
                    ended,
                    ..
                } => {
                    let probe = probes.contains(&(*delivery, step.generation, step.attempt));
                    let sent = *outcome == AttemptOutcome::Failed(Outcome::Unknown);
                    counted += u32::from(counts(outcome, *fault) && (!probe || sent));
                    let exhausted = matches!(ended, Some((_, Reason::AttemptsExhausted)));
                    let most = index.history.rules.max_attempts;
                    if exhausted && counted < most {
                        let what = format!(
                            "ran out of attempts after {counted} that count; it has {most}, and \
                             probes of an open breaker that were not sent do not count"
                        );
                        verdict.broken(Invariant::Polite, *delivery, [at], what);
                    }
                }
                _ => {}
            }
        }
    }
    check_attempts(index, verdict);
    check_share(index, verdict);
}

/// Whether an attempt counts against the cap.
fn counts(outcome: &AttemptOutcome, fault: Option<Fault>) -> bool {
    match outcome {
        // Without a fault nothing was tried: its worker left.
        AttemptOutcome::Failed(Outcome::Retryable) => {
            fault.is_some_and(|fault| fault != Fault::Configuration)
        }
        AttemptOutcome::Failed(Outcome::Unknown) => true,
        _ => false,
    }
}

/// Attempts that were certainly claimed while the breaker of their worker was open: after answers
/// in a row that were failures, and before any that was not.
fn probes(index: &Index<'_>) -> BTreeSet<Attempt> {
    let answers: BTreeMap<Attempt, &Answer> = index
        .requests
        .values()
        .filter_map(|asked| {
            let request = asked.request;
            let attempt = (request.delivery, request.generation, request.attempt);
            Some((attempt, asked.answer?))
        })
        .collect();
    let mut row: BTreeMap<(&str, &ProviderName), u32> = BTreeMap::new();
    let mut open_at_claim: BTreeMap<Attempt, BTreeSet<&ProviderName>> = BTreeMap::new();
    let mut probes = BTreeSet::new();
    for event in &index.history.events {
        let worker = event.actor.as_str();
        match &event.seen {
            Seen::Claimed(step) => {
                let open = row
                    .iter()
                    .filter(|((of, _), count)| {
                        *of == worker && **count >= index.history.rules.breaker_failures
                    })
                    .map(|((_, provider), _)| *provider)
                    .collect();
                open_at_claim.entry(attempt_of(step)).or_insert(open);
            }
            // Whoever heard it may have closed the breaker, whether or not the result was written.
            Seen::Answered { request, answer } => {
                if let Some(asked) = index.requests.get(request)
                    && is_healthy(answer)
                {
                    row.remove(&(asked.request.worker.as_str(), &asked.request.provider));
                }
            }
            Seen::Settled {
                step,
                provider: Some(provider),
                ..
            } => {
                let attempt = attempt_of(step);
                if open_at_claim
                    .get(&attempt)
                    .is_some_and(|open| open.contains(provider))
                {
                    probes.insert(attempt);
                }
                if answers
                    .get(&attempt)
                    .is_some_and(|answer| is_failing(answer))
                {
                    *row.entry((worker, provider)).or_default() += 1;
                }
            }
            _ => {}
        }
    }
    probes
}

/// A delivery, its generation and its attempt.
type Attempt = (DeliveryId, u32, u32);

fn attempt_of(step: &Step) -> Attempt {
    (step.delivery, step.generation, step.attempt)
}

/// Whether an answer shows that its provider works.
fn is_healthy(answer: &Answer) -> bool {
    match answer {
        Answer::Taken => true,
        Answer::Failed { fault, .. } => matches!(fault, Fault::Message | Fault::Recipient),
        Answer::Nothing | Answer::Panicked => false,
    }
}

fn is_failing(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::Failed {
            fault: Fault::Provider | Fault::Quota,
            ..
        }
    )
}

/// No generation has more attempts that count than it may have. Those that may have been probes
/// of an open breaker are left out: from outside that is not certain.
fn check_attempts(index: &Index<'_>, verdict: &mut Verdict) {
    let opened = opened(index);
    let most = index.history.rules.max_attempts;
    for (delivery, track) in &index.tracks {
        let mut counted: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for record in track.attempts() {
            let asked = track
                .requests
                .iter()
                .map(|request| &index.requests[request])
                .find(|asked| {
                    (asked.request.generation, asked.request.attempt)
                        == (record.generation, record.attempt)
                });
            let Some(asked) = asked else { continue };
            let of = (asked.request.worker.as_str(), &asked.request.provider);
            let probe = opened.get(&of).is_some_and(|at| *at < asked.at);
            if counts(&record.outcome, record.fault) && !probe && !asked.panicked {
                counted.entry(record.generation).or_default().push(asked.at);
            }
        }
        for (generation, lines) in counted {
            if lines.len() > usize::try_from(most).unwrap_or(usize::MAX) {
                let what = format!(
                    "was tried {} times in generation {generation}; it may be {most}",
                    lines.len()
                );
                verdict.broken(Invariant::Polite, *delivery, lines, what);
            }
        }
    }
}

/// From when on the breaker of a worker for a provider may have been open: the first time that
/// enough requests in a row may have failed, or one that is enough by itself. The worker may have
/// taken notice of answers in another order than they were given, so a failure is forgotten only
/// when a message that was asked for later was taken, and that was written down.
fn opened<'a>(index: &Index<'a>) -> BTreeMap<(&'a str, &'a ProviderName), usize> {
    let mut failures: BTreeMap<(&str, &ProviderName), Vec<usize>> = BTreeMap::new();
    let mut opened = BTreeMap::new();
    let mut asked_at: BTreeMap<Attempt, u64> = BTreeMap::new();
    for (at, event) in index.history.events.iter().enumerate() {
        match &event.seen {
            Seen::Request(request) => {
                let attempt = (request.delivery, request.generation, request.attempt);
                asked_at.insert(attempt, request.request);
            }
            Seen::Answered { request, answer } => {
                let Some(asked) = index.requests.get(request) else {
                    continue;
                };
                if *answer == Answer::Taken || is_healthy(answer) {
                    continue;
                }
                let of = (asked.request.worker.as_str(), &asked.request.provider);
                let failures = failures.entry(of).or_default();
                failures.push(at);
                let row = usize::try_from(index.history.rules.breaker_failures);
                if opens_at_once(answer) || failures.len() >= row.unwrap_or(usize::MAX) {
                    opened.entry(of).or_insert(at);
                }
            }
            Seen::Settled {
                step,
                outcome: AttemptOutcome::Accepted { .. },
                ..
            } => {
                let asked = asked_at
                    .get(&attempt_of(step))
                    .and_then(|request| index.requests.get(request));
                if let Some(asked) = asked {
                    let of = (asked.request.worker.as_str(), &asked.request.provider);
                    failures
                        .entry(of)
                        .or_default()
                        .retain(|failed| *failed > asked.at);
                }
            }
            _ => {}
        }
    }
    opened
}

/// Whether a breaker opens at one such answer.
fn opens_at_once(answer: &Answer) -> bool {
    matches!(
        answer,
        Answer::Failed {
            retry_after: Some(_),
            ..
        } | Answer::Failed {
            fault: Fault::Configuration,
            ..
        }
    )
}

/// The retries of each worker stay within their share.
fn check_share(index: &Index<'_>, verdict: &mut Verdict) {
    struct Spent {
        since: u64,
        first: f64,
        retries: f64,
    }
    let mut workers: BTreeMap<&str, Spent> = BTreeMap::new();
    let mut failed: BTreeSet<(DeliveryId, u32, u32)> = BTreeSet::new();
    for (at, event) in index.history.events.iter().enumerate() {
        match &event.seen {
            Seen::Settled {
                step,
                outcome: AttemptOutcome::Failed(_),
                provider: Some(_),
                ended: None,
                ..
            } => {
                failed.insert((step.delivery, step.generation, step.attempt + 1));
            }
            Seen::Claimed(step) => {
                let spent = workers.entry(&event.actor).or_insert(Spent {
                    since: event.at,
                    first: 0.0,
                    retries: 0.0,
                });
                if !failed.contains(&(step.delivery, step.generation, step.attempt)) {
                    spent.first += 1.0;
                    continue;
                }
                spent.retries += 1.0;
                let seconds =
                    std::time::Duration::from_micros(event.at - spent.since).as_secs_f64();
                let most = SAVED * 2.0 + PER_SECOND * seconds + SHARE * spent.first;
                if spent.retries > most {
                    let what = format!("{} made {} retries", event.actor, spent.retries);
                    verdict.broken(Invariant::Polite, step.delivery, [at], what);
                }
            }
            _ => {}
        }
    }
}
