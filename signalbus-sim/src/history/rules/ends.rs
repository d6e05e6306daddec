//! C1 and C9: whatever was accepted is there, has ended once, and its history says why.

use std::collections::BTreeSet;

use signalbus::{
    DeliveryId, EventId, Order,
    store::{AttemptOutcome, EndState, Entry, Reason, State},
};

use crate::history::{
    End, Invariant, Said, Seen,
    index::{Call, Index, Told},
    verdict::Verdict,
};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut seen = BTreeSet::new();
    for end in &index.history.ends {
        if !seen.insert(end.delivery) {
            verdict.broken(Invariant::Accounted, end.delivery, [], "is there twice");
        }
        check_end(index, verdict, end);
        check_taken(index, verdict, end);
    }
    for (delivery, track) in &index.tracks {
        if let Some(purged) = track.purged
            && track.ended_before(index, purged).is_none()
        {
            let what = "was purged before it had ended";
            verdict.broken(Invariant::Accounted, *delivery, [purged], what);
        }
    }
    check_garbage(index, verdict);
    let held: BTreeSet<EventId> = index.history.ends.iter().map(|end| end.event).collect();
    for call in index.calls.values() {
        match call.told {
            Told::Ok(_, Said::Accepted, deliveries) => check_call(index, verdict, call, deliveries),
            Told::Handed(event) if !held.contains(&event) && !is_repeat(index, call) => {
                verdict.broken(
                    Invariant::Accounted,
                    None,
                    [call.at, call.answered_at],
                    "an event the bus took has no outcome: neither stored, nor a repeat, nor \
                     recorded as a conflict",
                );
            }
            _ => {}
        }
    }
}

/// What nobody can read has an end too.
fn check_garbage(index: &Index<'_>, verdict: &mut Verdict) {
    let (mut least, mut most) = (0, 0);
    for event in &index.history.events {
        if let Seen::Garbage { handed } = event.seen {
            least += usize::from(handed);
            most += 1;
        }
    }
    let unreadable = |end: &&End| end.reason == Some(Reason::Unreadable);
    let found = index.history.ends.iter().filter(unreadable).count();
    if !(least..=most).contains(&found) {
        let what = format!(
            "the bus took {least} to {most} things that nobody can read; {found} are recorded"
        );
        verdict.broken(Invariant::Accounted, None, [], what);
    }
}

fn check_call(
    index: &Index<'_>,
    verdict: &mut Verdict,
    call: &Call<'_>,
    deliveries: &[DeliveryId],
) {
    let lines = [call.at, call.answered_at];
    if deliveries.len() != call.publish.routes.len() {
        let what = format!(
            "{} answers for {} routes",
            deliveries.len(),
            call.publish.routes.len()
        );
        verdict.broken(Invariant::Accounted, None, lines, what);
    }
    for delivery in deliveries {
        if index
            .tracks
            .get(delivery)
            .is_none_or(|track| track.end.is_none())
        {
            let what = "was accepted and is lost";
            verdict.broken(Invariant::Accounted, *delivery, lines, what);
        }
    }
}

fn check_end(index: &Index<'_>, verdict: &mut Verdict, end: &End) {
    let State::Ended(state) = end.state else {
        let broken = end
            .channel
            .as_ref()
            .is_some_and(|channel| index.history.rules.broken_channels.contains(channel));
        if !broken && !is_blocked(index, end.delivery) {
            let what = format!("has not ended: it is {}", end.state.as_str());
            verdict.broken(Invariant::Live, end.delivery, [], what);
        }
        return;
    };
    if end.reason.is_none() {
        verdict.broken(
            Invariant::Accounted,
            end.delivery,
            [],
            "ended without a reason",
        );
    }
    let told = end.history.iter().rev().find_map(|line| match &line.entry {
        Entry::Attempt(record) => Some(record.next == state.as_str()),
        Entry::Ended { state: told, .. } => Some(*told == state),
        Entry::Cancelled {
            in_flight: false, ..
        } => Some(state == EndState::Cancelled),
        Entry::Redriven { .. } => Some(false),
        _ => None,
    });
    if end.history.iter().any(|line| is_unexplained(&line.entry)) {
        let what = "ended without a word on why, beside the reason";
        verdict.broken(Invariant::Accounted, end.delivery, [], what);
    }
    if told != Some(true) {
        let what = format!(
            "ended as {}, which its history does not say",
            state.as_str()
        );
        verdict.broken(Invariant::Accounted, end.delivery, [], what);
    }
}

/// An operator has to mend something, or to know what is wrong: the reason alone does not say.
fn is_unexplained(entry: &Entry) -> bool {
    matches!(
        entry,
        Entry::Ended {
            reason: Reason::NoRoute
                | Reason::InvalidAddress
                | Reason::Suppressed
                | Reason::Unreadable
                | Reason::Conflict,
            detail: None,
            ..
        }
    )
}

/// What the store calls sent is in the books of a provider.
fn check_taken(index: &Index<'_>, verdict: &mut Verdict, end: &End) {
    let Some(track) = index.tracks.get(&end.delivery) else {
        return;
    };
    let accepted = track
        .attempts()
        .filter(|record| matches!(record.outcome, AttemptOutcome::Accepted { .. }));
    for record in accepted {
        // A provider that was asked what became of an attempt names an earlier one.
        let taken = track.requests.iter().any(|request| {
            let request = index.requests[request].request;
            request.taken
                && request.generation == record.generation
                && request.attempt <= record.attempt
        });
        if !taken {
            let what = format!(
                "is called sent in attempt {}, and no provider ever took it",
                record.attempt
            );
            verdict.broken(Invariant::Accounted, end.delivery, [], what);
        }
    }
}

/// Whether another event has the key of this publish, with the same content.
fn is_repeat(index: &Index<'_>, call: &Call<'_>) -> bool {
    let publish = call.publish;
    publish.key.is_some()
        && index.tracks.values().any(|track| {
            track.end.is_some()
                && index.wanted(track).is_some_and(|(other, _)| {
                    other.tenant == publish.tenant
                        && other.key == publish.key
                        && other.content == publish.content
                })
        })
}

/// Whether a dead message before it blocks it, as was asked for.
fn is_blocked(index: &Index<'_>, delivery: DeliveryId) -> bool {
    let Some((publish, route)) = index
        .tracks
        .get(&delivery)
        .and_then(|track| index.wanted(track))
    else {
        return false;
    };
    publish.order == Order::StrictBlocking
        && index.tracks.values().any(|track| {
            let dead = track
                .end
                .is_some_and(|end| end.state == State::Ended(EndState::Dead));
            dead && index.wanted(track).is_some_and(|(other, other_route)| {
                other.tenant == publish.tenant
                    && other.class == publish.class
                    && other_route.person == route.person
                    && other_route.channel == route.channel
            })
        })
}
