//! C12: what waits for another delivery is sent when that failed, and not when that reached somebody.

use signalbus::{
    DeliveryId,
    store::{After, EndState, Entry, ReceiptKind},
};

use crate::history::{
    Invariant, Seen,
    index::{Index, Track},
    verdict::Verdict,
};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for event in &index.history.events {
        if let Seen::Waits { delivery, after } = &event.seen
            && let Some(first) = index.tracks.get(&after.sibling)
            && let Some(second) = index.tracks.get(delivery)
        {
            check_pair(index, verdict, *delivery, after, first, second);
        }
    }
}

fn check_pair(
    index: &Index<'_>,
    verdict: &mut Verdict,
    delivery: DeliveryId,
    after: &After,
    first: &Track<'_>,
    second: &Track<'_>,
) {
    let seen = |at: &usize| &index.event(*at).seen;
    let ended = second
        .steps
        .iter()
        .find(|at| matches!(seen(at), Seen::NotNeeded { .. }));
    if let Some(at) = ended.copied()
        && first.ended_before(index, at) != Some(EndState::Accepted)
        && highest(first) < after.unless
    {
        let what = "was not sent, though what it waited for had reached nobody";
        verdict.broken(Invariant::Sibling, delivery, [at], what);
    }
    let begun = second
        .steps
        .iter()
        .find(|at| matches!(seen(at), Seen::Claimed(_)));
    if let Some(at) = begun.copied() {
        let before = first.ended_before(index, at);
        let reached =
            before == Some(EndState::Accepted) && after.unless <= ReceiptKind::Sent.rank();
        let waits =
            before.is_none() && after.until.is_none_or(|until| index.event(at).wall < until);
        // A bounce takes back what was reached.
        if (reached || waits) && highest(first) != ReceiptKind::Bounced.rank() {
            let what = format!("was sent, though what it waited for stood at {before:?}");
            verdict.broken(Invariant::Sibling, delivery, [at], what);
        }
    }
}

/// The highest rung that receipts reached.
fn highest(track: &Track<'_>) -> u8 {
    let history = track.end.map_or(&[][..], |end| &end.history);
    let ranks = history.iter().filter_map(|line| match &line.entry {
        Entry::Receipt { kind, .. } => Some(kind.rank()),
        _ => None,
    });
    ranks.max().unwrap_or(0)
}
