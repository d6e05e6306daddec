//! Reads in a task of its own, when it is asked to: so that a wait may be given up at any moment without
//! losing what was handed out already.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use signalbus_core::bus::BusError;
use tokio::sync::mpsc;

use super::deliver::{Group, Handed};
use crate::task::{self, Moment};

/// What was handed out and is not acknowledged yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Open(Arc<Mutex<BTreeSet<i64>>>);

impl Open {
    fn add(&self, handed: &[Handed]) {
        self.list().extend(handed.iter().map(|one| one.id));
    }

    pub(super) fn remove(&self, ids: &[i64]) {
        let mut open = self.list();
        for id in ids {
            open.remove(id);
        }
    }

    fn list(&self) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a task that answers each question with envelopes or an error.
#[derive(Debug)]
pub(super) struct Reader {
    ask: mpsc::Sender<usize>,
    answers: mpsc::Receiver<Result<Vec<Handed>, BusError>>,
    asked: bool,
}

impl Reader {
    pub(super) fn start(group: Group, open: Open) -> Self {
        let (ask, asked) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        drop(task::start(run(group, open, asked, answer)));
        Self {
            ask,
            answers,
            asked: false,
        }
    }

    /// Envelopes; there is at least one. Cancel safe.
    pub(super) async fn next(&mut self, limit: usize) -> Option<Result<Vec<Handed>, BusError>> {
        if !self.asked {
            self.ask.send(limit).await.ok()?;
            self.asked = true;
        }
        let answer = self.answers.recv().await;
        self.asked = false;
        answer
    }
}

/// Ends when nobody asks any more, and gives back what was not acknowledged.
async fn run(
    group: Group,
    open: Open,
    mut asked: mpsc::Receiver<usize>,
    answer: mpsc::Sender<Result<Vec<Handed>, BusError>>,
) {
    let mut place = Place::default();
    while let Some(limit) = asked.recv().await {
        // Not given up half-way: what is being handed out must be known here.
        let read = place.read(&group, &open, limit.max(1), &answer).await;
        if answer.send(read).await.is_err() {
            break;
        }
    }
    let left: Vec<i64> = open.list().iter().copied().collect();
    if !left.is_empty()
        && let Err(error) = group.give_back(left).await
    {
        tracing::debug!(%error, "what was not acknowledged was not given back; it is taken over later");
    }
}

/// While there is much to read, what lies before this place is not looked at again: those are rows that others have,
/// and rows that are gone. What became visible late there, or was given up, is found a little later.
#[derive(Debug, Default)]
struct Place {
    behind: i64,
    rewound: Option<Moment>,
    adopted: Option<Moment>,
}

/// How often all is looked at when there is much to read.
const REWIND: Duration = Duration::from_millis(250);

/// How often is looked for what was published for nobody.
const ADOPT: Duration = Duration::from_secs(1);

/// How soon a reader that found nothing looks again, at first.
const SOON: Duration = Duration::from_millis(5);

impl Place {
    /// Nothing comes when nobody waits for it any more.
    async fn read(
        &mut self,
        group: &Group,
        open: &Open,
        limit: usize,
        answer: &mpsc::Sender<Result<Vec<Handed>, BusError>>,
    ) -> Result<Vec<Handed>, BusError> {
        let mut pause = SOON;
        while !answer.is_closed() {
            let news = group.shared.news.notified();
            if is_due(&mut self.rewound, REWIND) {
                self.behind = 0;
            }
            if is_due(&mut self.adopted, ADOPT) {
                while group.adopt().await? > 0 {}
            }
            let taken = group.take(self.behind, limit, group.shared.abandoned_after);
            let taken = taken.await?;
            open.add(&taken);
            let was = self.behind;
            self.behind = match taken.last() {
                Some(last) if taken.len() >= limit => last.id,
                _ => 0,
            };
            if !taken.is_empty() {
                return Ok(taken);
            }
            if was == 0 {
                tokio::select! {
                    () = news => pause = SOON,
                    () = answer.closed() => {}
                    () = task::pause(pause) => pause = (pause * 2).min(group.shared.poll),
                }
            }
        }
        Ok(Vec::new())
    }
}

fn is_due(last: &mut Option<Moment>, every: Duration) -> bool {
    let due = last.is_none_or(|last| last.age() >= every);
    if due {
        *last = Some(Moment::now());
    }
    due
}
