//! C4: nothing starts after the end, and every step follows from the last under the current epoch.

use std::collections::BTreeMap;

use signalbus::{
    DeliveryId,
    store::{EndState, Entry, Reason},
};

use super::sends::claim_of;
use crate::history::{
    End, Invariant, Seen, Step,
    index::{Asked, Index, Track},
    verdict::Verdict,
};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for end in &index.history.ends {
        check_history(verdict, end);
    }
    if !index.has_log {
        return;
    }
    let epochs = Epochs::new(index);
    for (delivery, track) in &index.tracks {
        replay(index, verdict, &epochs, *delivery, track);
    }
    for asked in index.requests.values() {
        check_request(index, verdict, asked);
    }
}

/// Where a delivery is while its steps are replayed.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Open { generation: u32, attempt: u32 },
    Claimed { generation: u32, attempt: u32 },
    Ended { generation: u32, state: EndState },
}

fn replay(
    index: &Index<'_>,
    verdict: &mut Verdict,
    epochs: &Epochs,
    delivery: DeliveryId,
    track: &Track<'_>,
) {
    let mut place = match track.stillborn {
        Some(state) => Place::Ended {
            generation: 0,
            state,
        },
        None => Place::Open {
            generation: 0,
            attempt: 0,
        },
    };
    let mut last = None;
    for at in track.steps.iter().copied() {
        let seen = &index.event(at).seen;
        let next = follow(place, seen);
        let lines = last.into_iter().chain([at]);
        match next {
            Some(next) => place = next,
            None => verdict.broken(
                Invariant::Final,
                delivery,
                lines,
                "took a step that does not follow from the last",
            ),
        }
        if let Seen::Claimed(step) | Seen::Settled { step, .. } = seen
            && !epochs.0.is_empty()
            && epochs.current(step.lane, at) != Some(step.epoch)
        {
            let what = format!("was written under an old epoch of lane {}", step.lane);
            verdict.broken(Invariant::Final, delivery, [at], what);
        }
        last = Some(at);
    }
}

/// The place after a step; none when the step is not allowed.
fn follow(place: Place, seen: &Seen) -> Option<Place> {
    match (seen, place) {
        (
            Seen::Claimed(step),
            Place::Open {
                generation,
                attempt,
            },
        ) => (step.generation == generation && step.attempt == attempt + 1).then(|| claimed(step)),
        // The same claim again, after its answer was lost.
        (Seen::Claimed(step), Place::Claimed { .. }) => (claimed(step) == place).then_some(place),
        (Seen::Settled { step, ended, .. }, Place::Claimed { .. }) => (claimed(step) == place)
            .then_some(match ended {
                Some((state, _)) => Place::Ended {
                    generation: step.generation,
                    state: *state,
                },
                None => Place::Open {
                    generation: step.generation,
                    attempt: step.attempt,
                },
            }),
        (Seen::Refused { ended: None, .. }, _) => Some(place),
        (
            Seen::Refused {
                ended: Some(state), ..
            },
            Place::Open { generation, .. },
        ) => Some(Place::Ended {
            generation,
            state: *state,
        }),
        // The same refusal again, after its answer was lost.
        (
            Seen::Refused {
                ended: Some(state), ..
            },
            Place::Ended { state: before, .. },
        ) => (*state == before).then_some(place),
        (Seen::Cancelled { .. }, Place::Open { generation, .. }) => Some(Place::Ended {
            generation,
            state: EndState::Cancelled,
        }),
        (Seen::NotNeeded { .. }, Place::Open { generation, .. }) => Some(Place::Ended {
            generation,
            state: EndState::NotNeeded,
        }),
        (Seen::Redriven { began, .. }, Place::Ended { generation, state }) => {
            (state.can_be_redriven() && *began == generation + 1).then_some(Place::Open {
                generation: *began,
                attempt: 0,
            })
        }
        _ => None,
    }
}

fn claimed(step: &Step) -> Place {
    Place::Claimed {
        generation: step.generation,
        attempt: step.attempt,
    }
}

/// Every request has its claim, and none starts when its generation has ended, unless its worker
/// stood still in between: nobody can call a frozen request back.
fn check_request(index: &Index<'_>, verdict: &mut Verdict, asked: &Asked<'_>) {
    let request = asked.request;
    let Some(claimed_at) = claim_of(index, asked) else {
        verdict.broken(
            Invariant::Final,
            request.delivery,
            [asked.at],
            "was sent without a claim",
        );
        return;
    };
    let ended = index.tracks[&request.delivery]
        .steps
        .iter()
        .copied()
        .filter(|at| (claimed_at..asked.at).contains(at))
        .find(|at| match &index.event(*at).seen {
            Seen::Settled { step, ended, .. } => {
                ended.is_some() && step.generation == request.generation
            }
            Seen::Refused { step, ended } => {
                ended.is_some() && step.generation == request.generation
            }
            Seen::Cancelled { .. } | Seen::NotNeeded { .. } => true,
            _ => false,
        });
    if let Some(ended) = ended
        && !index.was_broken(&request.worker, claimed_at, asked.at)
    {
        verdict.broken(
            Invariant::Final,
            request.delivery,
            [claimed_at, ended, asked.at],
            "was sent after it had ended",
        );
    }
}

/// What the store holds: no attempt after an end of the same generation.
fn check_history(verdict: &mut Verdict, end: &End) {
    let mut generation = 0;
    let mut attempt = 0;
    let mut ended: Option<EndState> = None;
    for line in &end.history {
        let follows = match &line.entry {
            Entry::Attempt(record) => {
                let follows = ended.is_none()
                    && record.generation == generation
                    && record.attempt == attempt + 1;
                attempt = record.attempt;
                ended = EndState::ALL
                    .into_iter()
                    .find(|state| state.as_str() == record.next);
                follows
            }
            Entry::Ended { state, reason, .. } => {
                let resolved = ended == Some(EndState::OutcomeUnknown)
                    && (*state, reason) == (EndState::Accepted, &Reason::Receipt);
                let follows = ended.is_none() || resolved;
                ended = Some(*state);
                follows
            }
            Entry::Cancelled {
                in_flight: false, ..
            } => ended.replace(EndState::Cancelled).is_none(),
            Entry::Redriven {
                ended: from, began, ..
            } => {
                let follows = ended.take().is_some_and(EndState::can_be_redriven)
                    && *from == generation
                    && *began == generation + 1;
                generation = *began;
                attempt = 0;
                follows
            }
            _ => true,
        };
        if !follows {
            let what = format!("has a history that goes on after its end: {:?}", line.entry);
            verdict.broken(Invariant::Final, end.delivery, [], what);
        }
    }
}

/// Which epoch of a lane was the current one; empty when owners were not seen.
struct Epochs(BTreeMap<u64, Vec<(usize, u64)>>);

impl Epochs {
    fn new(index: &Index<'_>) -> Self {
        let mut epochs: BTreeMap<u64, Vec<(usize, u64)>> = BTreeMap::new();
        for (at, event) in index.history.events.iter().enumerate() {
            if let Seen::Held { lane, epoch } = event.seen {
                epochs.entry(lane).or_default().push((at, epoch));
            }
        }
        Self(epochs)
    }

    fn current(&self, lane: u64, at: usize) -> Option<u64> {
        let given = self.0.get(&lane)?;
        given
            .iter()
            .rev()
            .find(|(given, _)| *given < at)
            .map(|(_, epoch)| *epoch)
    }
}
