//! The connections of one account.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signalbus_core::clock::Clock;
use tokio::sync::Semaphore;

use crate::{
    PoolLimits,
    client::{Answers, Cause, Connector, Envelope, Failure, Session, Stage, open},
    task,
};

/// Opens connections, keeps them while they are good, and closes them when they rest too long.
pub(crate) struct Pool {
    connector: Connector,
    limits: PoolLimits,
    permits: Semaphore,
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    limits: PoolLimits,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// The one used last is at the end, and used first.
    sessions: Vec<Session>,
    /// Whether a task waits to close what rests too long.
    watched: bool,
}

impl Pool {
    pub(crate) fn new(connector: Connector, limits: PoolLimits) -> Self {
        let shared = Shared {
            clock: Arc::clone(&connector.clock),
            limits,
            idle: Mutex::default(),
        };
        Self {
            connector,
            limits,
            permits: Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)),
            shared: Arc::new(shared),
        }
    }

    /// Sends one mail over a connection that is there, or a new one. One that turns out to be dead
    /// at its first command is replaced: the server closed it while it rested.
    pub(crate) async fn send(
        &self,
        envelope: Envelope<'_>,
        mail: &[u8],
        mut on_content: impl FnMut() + Send,
    ) -> Result<Answers, Failure> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await;
        if let Some(mut session) = self.take().await {
            let sent = session.send_to_all(envelope, mail, &mut on_content).await;
            match sent {
                Err(failure) if was_dead(&failure) => {}
                sent => {
                    self.give_back(session, &sent);
                    return sent;
                }
            }
        }
        let mut session = open(&self.connector).await?;
        let sent = session.send_to_all(envelope, mail, &mut on_content).await;
        self.give_back(session, &sent);
        sent
    }

    async fn take(&self) -> Option<Session> {
        loop {
            let mut session = self.shared.lock().sessions.pop()?;
            if self.shared.is_spent(&session) {
                self.retire(session);
                continue;
            }
            let rested = self.shared.clock.monotonic() - session.used >= self.limits.rest;
            if session.is_ready(rested).await {
                return Some(session);
            }
        }
    }

    fn give_back(&self, mut session: Session, sent: &Result<Answers, Failure>) {
        if let Err(failure) = sent
            && !failure.leaves_connection()
        {
            return;
        }
        session.used = self.shared.clock.monotonic();
        if session.mails >= self.limits.mails {
            self.retire(session);
            return;
        }
        let mut idle = self.shared.lock();
        idle.sessions.push(session);
        if !std::mem::replace(&mut idle.watched, true) {
            task::detached(watch(Arc::downgrade(&self.shared)));
        }
    }

    fn retire(&self, session: Session) {
        task::detached(session.close());
    }
}

impl Shared {
    fn is_spent(&self, session: &Session) -> bool {
        let now = self.clock.monotonic();
        now.saturating_sub(session.used) >= self.limits.idle
            || now.saturating_sub(session.opened) >= self.limits.age
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes what rests too long, and ends when nothing rests or the pool is gone.
async fn watch(shared: std::sync::Weak<Shared>) {
    loop {
        let Some(pool) = shared.upgrade() else { return };
        let (clock, wait) = (Arc::clone(&pool.clock), pool.limits.idle);
        drop(pool);
        clock.sleep(wait).await;
        let Some(pool) = shared.upgrade() else { return };
        let (spent, watched): (Vec<Session>, bool) = {
            let mut idle = pool.lock();
            let spent = idle
                .sessions
                .extract_if(.., |session| pool.is_spent(session));
            let spent = spent.collect();
            idle.watched = !idle.sessions.is_empty();
            (spent, idle.watched)
        };
        for session in spent {
            session.close().await;
        }
        if !watched {
            return;
        }
    }
}

/// Whether a resting connection was closed by the server: nothing of this mail was begun.
fn was_dead(failure: &Failure) -> bool {
    failure.stage == Stage::Mail
        && match &failure.cause {
            Cause::Lost(_) => true,
            Cause::Refused(reply) => reply.code == 421,
            _ => false,
        }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("limits", &self.limits)
            .field("idle", &self.shared.lock().sessions.len())
            .finish_non_exhaustive()
    }
}
