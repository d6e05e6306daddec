//! Publishes that come while another is being committed share the next commit: so the disk is
//! waited for once for many, and one connection is enough for them.

use std::sync::{Arc, Mutex, PoisonError};

use signalbus_core::store::{Acceptance, NewEvent, StoreError};
use tokio::sync::oneshot;

use super::accept;
use crate::{
    database::{Database, Mode, Use},
    error, task,
};

/// The most events in one commit, unless a single call has more.
const MOST: usize = 1_000;

/// Calls that wait for a commit.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Call>,
    /// Whether a task works on it.
    running: bool,
}

#[derive(Debug)]
struct Call {
    events: Arc<Vec<NewEvent>>,
    answer: oneshot::Sender<Result<Vec<Acceptance>, StoreError>>,
}

impl Joined {
    /// Stores events, together with those of other calls.
    pub(crate) async fn accept(
        self: &Arc<Self>,
        database: &Arc<Database>,
        lanes: u16,
        events: Vec<NewEvent>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let start = {
            let mut queue = self.lock();
            queue.waiting.push(Call {
                events: Arc::new(events),
                answer,
            });
            !std::mem::replace(&mut queue.running, true)
        };
        if start {
            let (joined, database) = (Arc::clone(self), Arc::clone(database));
            // Goes on when the call that started it is dropped: others wait for it.
            drop(task::start(async move {
                joined.work(&database, lanes).await;
            }));
        }
        answered.await.unwrap_or_else(|_| {
            Err(error::ambiguous(
                "the task of the store was stopped: its transaction may have been written",
            ))
        })
    }

    async fn work(self: &Arc<Self>, database: &Arc<Database>, lanes: u16) {
        let mut guard = Running(Arc::clone(self));
        while let Some(calls) = self.next() {
            commit(database, lanes, calls).await;
        }
        guard.end();
    }

    /// What goes into the next commit; none when nobody waits, and then nobody works any more.
    fn next(&self) -> Option<Vec<Call>> {
        let mut queue = self.lock();
        if queue.waiting.is_empty() {
            queue.running = false;
            return None;
        }
        let mut events = 0;
        let fit = queue.waiting.iter().take_while(|call| {
            let first = events == 0;
            events += call.events.len();
            first || events <= MOST
        });
        let count = fit.count().max(1);
        Some(queue.waiting.drain(..count).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the task is stopped in the middle, those who wait are told, and the next call starts
/// another.
struct Running(Arc<Joined>);

impl Running {
    fn end(&mut self) {
        self.0 = Arc::default();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut queue = self.0.lock();
        queue.running = false;
        queue.waiting.clear();
    }
}

async fn commit(database: &Arc<Database>, lanes: u16, mut calls: Vec<Call>) {
    if calls.len() > 1 {
        let all: Arc<Vec<NewEvent>> = Arc::new(
            calls
                .iter()
                .flat_map(|call| call.events.iter().cloned())
                .collect(),
        );
        match store(database, lanes, all).await {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for call in calls {
                    let own = answers.by_ref().take(call.events.len()).collect();
                    // Whoever was dropped does not hear it.
                    let _ = call.answer.send(Ok(own));
                }
                return;
            }
            Err(error) if error.is_transient() => {
                for call in calls {
                    let again = StoreError::new(error.kind(), error.to_string());
                    let _ = call.answer.send(Err(again));
                }
                return;
            }
            // One of them cannot be stored: each for itself.
            Err(_) => {}
        }
    }
    for call in calls.drain(..) {
        let answer = store(database, lanes, Arc::clone(&call.events)).await;
        let _ = call.answer.send(answer);
    }
}

async fn store(
    database: &Arc<Database>,
    lanes: u16,
    events: Arc<Vec<NewEvent>>,
) -> Result<Vec<Acceptance>, StoreError> {
    database
        .run(Use::Application, Mode::Once, move |link| {
            let events = Arc::clone(&events);
            Box::pin(async move { accept(link, lanes, &events).await })
        })
        .await
}
