//! C10: counts agree with what happened.

use std::collections::BTreeSet;

use signalbus::store::{EndState, Reason};

use crate::history::{
    Broken, Counters, Invariant, Said, Seen,
    index::{Index, Told},
    verdict::Verdict,
};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    if index.has_log {
        check_rows(index, verdict);
    }
    check_receipts(index, verdict);
    if let Some(counters) = &index.history.counters {
        check_attempted(index, verdict, counters);
        if index.has_log {
            check_accepted(index, verdict, counters);
        }
        check_published(index, verdict, counters);
    }
}

/// Every row comes from an event that was stored, and every stored one is there.
fn check_rows(index: &Index<'_>, verdict: &mut Verdict) {
    let stored: BTreeSet<_> = index
        .history
        .events
        .iter()
        .filter_map(|event| match &event.seen {
            Seen::Stored { deliveries, .. } => Some(deliveries),
            _ => None,
        })
        .flatten()
        .collect();
    let held: BTreeSet<_> = index.history.ends.iter().map(|end| &end.delivery).collect();
    for delivery in stored.symmetric_difference(&held) {
        let what = if stored.contains(delivery) {
            "was stored and is not there"
        } else {
            "is there and was never stored"
        };
        verdict.broken(Invariant::Conserved, **delivery, [], what);
    }
}

/// The same statement of a provider changes something once.
fn check_receipts(index: &Index<'_>, verdict: &mut Verdict) {
    let mut seen = BTreeSet::new();
    for (at, event) in index.history.events.iter().enumerate() {
        // It forgets receipts too.
        if matches!(event.seen, Seen::Purged { .. }) {
            seen.clear();
        }
        if let Seen::Receipt {
            tenant,
            id,
            repeated,
        } = &event.seen
            && !seen.insert((tenant, event.actor.as_str(), id))
            && !repeated
        {
            let what = format!("receipt {id} was taken for new again");
            verdict.broken(Invariant::Conserved, None, [at], what);
        }
    }
}

/// Tries that were counted against tries in the providers' books. A worker that died may have
/// heard an answer and counted nothing.
fn check_attempted(index: &Index<'_>, verdict: &mut Verdict, counters: &Counters) {
    let most = count(index.requests.len());
    let dead: BTreeSet<&str> = index
        .history
        .events
        .iter()
        .filter_map(|event| match &event.seen {
            Seen::Fault(Broken::Crashed { worker }) => Some(worker.as_str()),
            _ => None,
        })
        .collect();
    let lost = index
        .requests
        .values()
        .filter(|asked| dead.contains(asked.request.worker.as_str()))
        .count();
    let least = most - count(lost);
    let counted: u64 = counters.attempted.values().sum();
    if !(least..=most).contains(&counted) {
        let what = format!(
            "notifications_attempted_total is {counted}; the providers' books have {most} tries, \
             {} of them by workers that died",
            most - least
        );
        verdict.broken(Invariant::Conserved, None, [], what);
    }
}

/// Ends that were counted against ends that were written; what a receipt turned into one is not
/// counted by who sent it.
fn check_accepted(index: &Index<'_>, verdict: &mut Verdict, counters: &Counters) {
    let (mut told, mut written) = (0, 0);
    for event in &index.history.events {
        if let Seen::Settled {
            ended: Some((EndState::Accepted, Reason::Sent)),
            told: heard,
            ..
        } = &event.seen
        {
            written += 1;
            told += u64::from(*heard);
        }
    }
    let accepted = EndState::Accepted.as_str();
    let counted = counters.ended.get(accepted).copied().unwrap_or(0);
    let crashed = index
        .history
        .events
        .iter()
        .any(|event| matches!(event.seen, Seen::Fault(Broken::Crashed { .. })));
    if counted > written || (!crashed && counted < told) {
        let what = format!(
            "notifications_ended_total{{state=\"accepted\"}} is {counted}; {written} were written"
        );
        verdict.broken(Invariant::Conserved, None, [], what);
    }
}

/// Deliveries counted at publish against what publishers were told. One that was told nothing
/// may have been counted.
fn check_published(index: &Index<'_>, verdict: &mut Verdict, counters: &Counters) {
    let (mut least, mut most) = (0, 0);
    for call in index.calls.values() {
        let routes = call
            .publish
            .routes
            .iter()
            .filter(|route| route.channel.is_some())
            .count();
        match call.told {
            Told::Ok(_, Said::Accepted, _) => {
                least += count(routes);
                most += count(routes);
            }
            Told::Unknown => most += count(routes),
            _ => {}
        }
    }
    let counted = counters.published;
    if !(least..=most).contains(&counted) {
        let what =
            format!("notifications_published_total is {counted}; publishers were told {least}");
        verdict.broken(Invariant::Conserved, None, [], what);
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
