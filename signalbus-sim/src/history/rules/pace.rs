//! C8: retries wait as long as they must, and nothing is tried past its expiry.

use std::time::Duration;

use signalbus::{
    DeliveryId,
    provider::{Fault, Outcome},
    store::AttemptOutcome,
};

use crate::history::{
    Answer, Event, Invariant, Seen, Step,
    index::{Index, Track},
    verdict::Verdict,
};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for (delivery, track) in &index.tracks {
        for (nth, at) in track.steps.iter().copied().enumerate() {
            let event = index.event(at);
            match &event.seen {
                // A claim that is only repeated was allowed when it was written.
                Seen::Claimed(step) if !written_before(index, track, nth, step) => {
                    check_expiry(index, verdict, *delivery, track, at);
                }
                Seen::Settled {
                    step, ended: None, ..
                } => {
                    let next = track.steps[nth + 1..].iter().copied().find(|at| {
                        matches!(&index.event(*at).seen, Seen::Claimed(next)
                            if next.generation == step.generation)
                    });
                    if let Some(next) = next {
                        check_wait(index, verdict, track, step, [at, next]);
                    }
                }
                _ => {}
            }
        }
    }
}

fn written_before(index: &Index<'_>, track: &Track<'_>, nth: usize, step: &Step) -> bool {
    track.steps[..nth].iter().any(|at| {
        matches!(&index.event(*at).seen, Seen::Claimed(before)
            if (before.generation, before.attempt) == (step.generation, step.attempt))
    })
}

fn check_expiry(
    index: &Index<'_>,
    verdict: &mut Verdict,
    delivery: DeliveryId,
    track: &Track<'_>,
    claim: usize,
) {
    // A redrive may give a new end.
    let redriven = matches!(&index.event(claim).seen, Seen::Claimed(step) if step.generation > 0);
    let expiry = index
        .wanted(track)
        .and_then(|(publish, _)| publish.expires_at)
        .filter(|_| !redriven);
    if expiry.is_some_and(|expiry| expiry <= index.event(claim).wall) {
        verdict.broken(
            Invariant::Polite,
            delivery,
            [claim],
            "was claimed after it had expired",
        );
    }
}

fn check_wait(
    index: &Index<'_>,
    verdict: &mut Verdict,
    track: &Track<'_>,
    step: &Step,
    [settled, claimed]: [usize; 2],
) {
    let least = least_wait(index, track, step, &index.event(settled).seen);
    let waited = passed(index.event(settled), index.event(claimed));
    if waited < least {
        let what = format!("was tried again after {waited:?}; it had to wait {least:?}");
        let lines = [settled, claimed];
        verdict.broken(Invariant::Polite, step.delivery, lines, what);
    }
}

/// How long the next try has to wait: the floor, or what the provider asked for.
fn least_wait(index: &Index<'_>, track: &Track<'_>, step: &Step, settled: &Seen) -> Duration {
    let Seen::Settled {
        outcome: AttemptOutcome::Failed(Outcome::Retryable | Outcome::Unknown),
        fault: Some(fault),
        provider: Some(_),
        ..
    } = settled
    else {
        return Duration::ZERO;
    };
    if *fault == Fault::Configuration {
        return index.history.rules.floor;
    }
    let asked = track
        .requests
        .iter()
        .map(|request| &index.requests[request])
        .find(|asked| {
            (asked.request.generation, asked.request.attempt) == (step.generation, step.attempt)
        });
    match asked.and_then(|asked| asked.answer) {
        Some(Answer::Failed {
            retry_after: Some(wait),
            ..
        }) => (*wait).max(index.history.rules.floor),
        _ => index.history.rules.floor,
    }
}

/// The store waits by its wall clock, which may have jumped; what it showed is what counts then.
fn passed(from: &Event, to: &Event) -> Duration {
    let monotonic = Duration::from_micros(to.at.saturating_sub(from.at));
    let wall = Duration::try_from(to.wall.duration_since(from.wall)).unwrap_or_default();
    monotonic.max(wall)
}
