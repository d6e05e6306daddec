//! What the observers saw, and whether it fits together.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    error::Error,
    path::Path,
};

use signalbus::{
    DeliveryId, Store,
    store::{AttemptOutcome, DeliveryFilter, EndState, Entry, PageToken, Reason, State},
};
use signalbus_sqlite::SqliteStore;

use crate::{
    hunt::Kill,
    log::{self, Publication, Request},
};

/// A delivery as the store tells it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) state: State,
    pub(crate) reason: Option<Reason>,
    /// The attempts that were cut short.
    pub(crate) interrupted: HashSet<u32>,
    /// The attempts that the provider took.
    pub(crate) accepted: HashSet<u32>,
}

/// Everything that is known at the end.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) kills: Vec<Kill>,
    pub(crate) publications: Vec<Publication>,
    pub(crate) book: Vec<Request>,
    pub(crate) store: HashMap<DeliveryId, Stored>,
}

/// Crashes with nothing else in flight after which a message is not sent again.
const POISON: usize = 3;

pub(crate) async fn gather(directory: &Path, kills: Vec<Kill>) -> Result<Evidence, Box<dyn Error>> {
    Ok(Evidence {
        kills,
        publications: log::read(&log::publications(directory))?,
        book: log::read(&log::book(directory))?,
        store: stored(directory).await?,
    })
}

async fn stored(directory: &Path) -> Result<HashMap<DeliveryId, Stored>, Box<dyn Error>> {
    let store = SqliteStore::open(log::database(directory)).await?;
    let all = DeliveryFilter::new();
    let mut found = HashMap::new();
    let mut next = Some(PageToken::first(1_000));
    while let Some(token) = next {
        let page = store.list(&all, token).await?;
        for record in page.items {
            let mut stored = Stored {
                state: record.state,
                reason: record.reason,
                interrupted: HashSet::new(),
                accepted: HashSet::new(),
            };
            for line in store.history(&record.tenant, record.id).await? {
                if let Entry::Attempt(attempt) = line.entry {
                    match attempt.outcome {
                        AttemptOutcome::Interrupted => stored.interrupted.insert(attempt.attempt),
                        AttemptOutcome::Accepted { .. } => stored.accepted.insert(attempt.attempt),
                        AttemptOutcome::Failed(_) => false,
                    };
                }
            }
            found.insert(record.id, stored);
        }
        next = page.next;
    }
    store.close().await;
    Ok(found)
}

impl Stored {
    pub(crate) fn is_poison(&self) -> bool {
        self.state == State::Ended(EndState::Dead) && self.reason == Some(Reason::Poison)
    }

    fn is_sent(&self) -> bool {
        self.state == State::Ended(EndState::Accepted)
    }
}

impl Evidence {
    /// The requests of each delivery, by attempt.
    pub(crate) fn requests(&self) -> HashMap<DeliveryId, Vec<u32>> {
        let mut requests: HashMap<_, Vec<u32>> = HashMap::new();
        for request in &self.book {
            requests
                .entry(request.delivery)
                .or_default()
                .push(request.attempt);
        }
        requests
    }

    /// Which promise was broken, and by which message or delivery.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut violations = self.published();
        violations.extend(self.ended());
        violations.extend(self.repeated());
        violations
    }

    /// P1 and P7: what was answered is stored, as one delivery for each key; what was sent was
    /// published and stored.
    fn published(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let mut invoked = HashSet::new();
        let mut names: BTreeMap<u64, HashSet<DeliveryId>> = BTreeMap::new();
        let mut answered = HashSet::new();
        for publication in &self.publications {
            match publication {
                Publication::Invoked { message } => {
                    invoked.insert(*message);
                }
                Publication::Answered {
                    message,
                    delivery,
                    duplicate,
                } => {
                    names.entry(*message).or_default().insert(*delivery);
                    if !self.store.contains_key(delivery) {
                        violations.push(format!("P1: message {message} was accepted and is lost"));
                    }
                    if !answered.insert(*message) && !duplicate {
                        violations.push(format!("P7: message {message} was accepted twice"));
                    }
                }
            }
        }
        for request in &self.book {
            names
                .entry(request.message)
                .or_default()
                .insert(request.delivery);
            if !invoked.contains(&request.message) {
                violations.push(format!(
                    "P1: message {} was sent and never published",
                    request.message
                ));
            }
            if !self.store.contains_key(&request.delivery) {
                violations.push(format!(
                    "P1: delivery {} was sent and never stored",
                    request.delivery
                ));
            }
        }
        for (message, deliveries) in names {
            if deliveries.len() > 1 {
                violations.push(format!("P7: message {message} has several deliveries"));
            }
        }
        violations
    }

    /// P2: everything has ended, and what the store calls sent is in the book.
    fn ended(&self) -> Vec<String> {
        let requests = self.requests();
        let mut violations = Vec::new();
        for (id, stored) in &self.store {
            let arrived = requests.get(id).map_or(&[][..], Vec::as_slice);
            let poison = stored.is_poison() && stored.interrupted.len() >= POISON;
            if !stored.is_sent() && !poison {
                let state = stored.state.as_str();
                violations.push(format!("P2: delivery {id} is {state} at the end"));
            }
            if stored.is_sent() && stored.accepted.len() != 1 {
                violations.push(format!("P2: delivery {id} has no single accepted attempt"));
            }
            for attempt in &stored.accepted {
                if !arrived.contains(attempt) {
                    violations.push(format!(
                        "P2: delivery {id} is called sent, and never reached the provider"
                    ));
                }
            }
        }
        violations
    }

    /// P3: one request, and at most one more for each kill that found its claim open.
    fn repeated(&self) -> Vec<String> {
        let mut violations = Vec::new();
        let mut open: HashMap<DeliveryId, HashSet<u32>> = HashMap::new();
        for kill in &self.kills {
            for (delivery, attempt) in &kill.open {
                open.entry(*delivery).or_default().insert(*attempt);
            }
        }
        let none = HashSet::new();
        for (id, attempts) in self.requests() {
            let open = open.get(&id).unwrap_or(&none);
            let distinct: HashSet<u32> = attempts.iter().copied().collect();
            if distinct.len() < attempts.len() {
                violations.push(format!("P3: delivery {id} was sent twice in one attempt"));
            }
            if attempts.len() > 1 + open.len() {
                violations.push(format!(
                    "P3: delivery {id} was sent {} times, with {} open claims at kills",
                    attempts.len(),
                    open.len()
                ));
            }
            let Some(stored) = self.store.get(&id) else {
                continue;
            };
            for attempt in distinct {
                if !stored.interrupted.contains(&attempt) && !stored.accepted.contains(&attempt) {
                    violations.push(format!(
                        "P3: attempt {attempt} of delivery {id} is not in its history"
                    ));
                }
            }
        }
        for (id, stored) in &self.store {
            if stored.interrupted != *open.get(id).unwrap_or(&none) {
                violations.push(format!(
                    "P3: the history of delivery {id} does not name the claims that kills left open"
                ));
            }
        }
        violations
    }
}

#[cfg(test)]
mod tests;
