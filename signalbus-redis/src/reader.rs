//! Reads in a task of its own, when it is asked to: so that a wait may be given up at any moment
//! without losing what the server has handed over already.

use std::time::Duration;

use signalbus_core::bus::BusError;
use tokio::sync::mpsc;

use crate::{
    group::{Group, Handed},
    task::{self, Every},
};

/// How long the server waits for entries before it answers that there are none.
const WAIT: Duration = Duration::from_secs(1);

/// Asks a task that answers each question with entries or an error.
#[derive(Debug)]
pub(crate) struct Reader {
    ask: mpsc::Sender<usize>,
    answers: mpsc::Receiver<Result<Handed, BusError>>,
    asked: bool,
}

impl Reader {
    pub(crate) fn start(group: Group, abandoned_after: Duration) -> Self {
        let (ask, asked) = mpsc::channel(1);
        let (answer, answers) = mpsc::channel(1);
        task::detached(run(group, abandoned_after, asked, answer));
        Self {
            ask,
            answers,
            asked: false,
        }
    }

    /// Entries; there is at least one. Cancel safe.
    pub(crate) async fn next(&mut self, limit: usize) -> Option<Result<Handed, BusError>> {
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
    abandoned_after: Duration,
    mut asked: mpsc::Receiver<usize>,
    answer: mpsc::Sender<Result<Handed, BusError>>,
) {
    let mut look = Every::new(WAIT);
    while let Some(limit) = asked.recv().await {
        let read = read(&group, abandoned_after, limit.max(1), &mut look);
        let read = tokio::select! {
            read = read => read,
            () = answer.closed() => break,
        };
        if answer.send(read).await.is_err() {
            break;
        }
    }
    if let Err(error) = group.leave().await {
        tracing::debug!(%error, "what was not acknowledged was not given back; it is taken over later");
    }
}

async fn read(
    group: &Group,
    abandoned_after: Duration,
    limit: usize,
    look: &mut Every,
) -> Result<Handed, BusError> {
    loop {
        if look.is_due() {
            let abandoned = group.abandoned(limit, abandoned_after).await?;
            if !abandoned.is_empty() {
                return Ok(abandoned);
            }
        }
        let fresh = group.fresh(limit, WAIT).await?;
        if !fresh.is_empty() {
            return Ok(fresh);
        }
        // A server that does not wait must not be asked without a pause.
        task::pause(Duration::from_millis(1)).await;
    }
}
