//! What the observers saw, as one history, and whether it fits together.

use std::{collections::BTreeSet, error::Error, path::Path};

use signalbus::{
    DeliveryId,
    store::{AttemptOutcome, EndState, Entry, Reason, State},
};
use signalbus_sim::history::{
    Broken, End, Event, History, Invariant, Request, Seen, Violation, check, ends,
};

use crate::{host, hunt::Kill, log, store::Place, store_log};

/// Everything that is known at the end.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) kills: Vec<Kill>,
    /// Whether something went wrong beside the hosts: then not only kills leave claims open.
    pub(crate) trial: bool,
    pub(crate) history: History,
}

/// The file that says so.
pub(crate) const TRIAL: &str = "trial";

/// Crashes with nothing else in flight after which a message is not sent again.
const POISON: usize = 3;

/// Reads what a hunt left behind.
pub(crate) async fn gather(directory: &Path) -> Result<Evidence, Box<dyn Error>> {
    let kills: Vec<Kill> = log::read(&log::kills(directory))?;
    let mut events: Vec<Event> = log::read(&log::publications(directory))?;
    events.extend(log::read::<Event>(&log::book(directory))?);
    for kill in &kills {
        let worker = host::name(kill.process);
        let seen = Seen::Fault(Broken::Crashed { worker });
        events.push(log::event(kill.at, "hunter", seen));
    }
    let store = Place::of(directory).open(directory, "judge").await?;
    let ends = ends(&store).await?;
    events.extend(store_log::read(&store, &ends).await?);
    store.0.close().await;
    let mut history = History {
        events,
        ends,
        ..History::default()
    };
    history.sort();
    let began = history.events.first().map_or(0, |first| first.at);
    for event in &mut history.events {
        event.at -= began;
    }
    let trial = directory.join(TRIAL).exists();
    Ok(Evidence {
        kills,
        trial,
        history,
    })
}

impl Evidence {
    /// What the shared checker finds, and what must hold in these runs beside.
    pub(crate) fn violations(&self) -> Vec<Violation> {
        let mut violations = check(&self.history);
        for end in &self.history.ends {
            if !self.trial {
                violations.extend(self.open_at_kills(end));
            }
            violations.extend(sent_or_poison(end));
        }
        violations
    }

    pub(crate) fn requests(&self) -> impl Iterator<Item = (&Event, &Request)> {
        self.history
            .events
            .iter()
            .filter_map(|event| match &event.seen {
                Seen::Request(request) => Some((event, request)),
                _ => None,
            })
    }

    /// P3: each kill explains the one attempt of a delivery that it left open, and nothing else
    /// does.
    fn open_at_kills(&self, end: &End) -> Option<Violation> {
        let open: BTreeSet<u32> = self
            .kills
            .iter()
            .flat_map(|kill| &kill.open)
            .filter(|(delivery, _)| *delivery == end.delivery)
            .map(|(_, attempt)| *attempt)
            .collect();
        let told: BTreeSet<u32> = interrupted(end).collect();
        (open != told).then(|| {
            broken(
                Invariant::BoundedDuplicates,
                end.delivery,
                format!("has lost records of attempts {told:?}; kills left open {open:?}"),
            )
        })
    }
}

fn interrupted(end: &End) -> impl Iterator<Item = u32> {
    end.history.iter().filter_map(|line| match &line.entry {
        Entry::Attempt(record) if record.outcome == AttemptOutcome::Interrupted => {
            Some(record.attempt)
        }
        _ => None,
    })
}

pub(crate) fn is_poison(end: &End) -> bool {
    end.state == State::Ended(EndState::Dead) && end.reason == Some(Reason::Poison)
}

/// P2: the provider refuses nothing, so that everything is sent, or is given up as poison after
/// enough crashes.
fn sent_or_poison(end: &End) -> Option<Violation> {
    let sent = end.state == State::Ended(EndState::Accepted);
    let poison = is_poison(end) && interrupted(end).count() >= POISON;
    (!sent && !poison).then(|| {
        let crashes = interrupted(end).count();
        let state = end.state.as_str();
        broken(
            Invariant::Accounted,
            end.delivery,
            format!("is {state} at the end, after {crashes} crashes"),
        )
    })
}

fn broken(invariant: Invariant, delivery: DeliveryId, what: String) -> Violation {
    Violation {
        invariant,
        delivery: Some(delivery),
        what,
        events: Vec::new(),
    }
}
