use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Step;

/// One connection, as the server saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Visit {
    /// The lines that came, without line ends: commands, and what followed `AUTH`.
    pub lines: Vec<String>,
    /// How many of them came before the line before them was answered.
    pub ahead: usize,
    /// Whether it was TLS in the end.
    pub tls: bool,
    /// Whether the client showed a certificate.
    pub certificate: bool,
    /// Who signed in.
    pub user: Option<String>,
    /// Whether it ended with `QUIT`.
    pub polite: bool,
    /// Whether it is over.
    pub over: bool,
}

/// One transaction that reached its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mail {
    /// The number of its [`Visit`].
    pub visit: usize,
    /// The envelope sender.
    pub from: String,
    /// The parameters of `MAIL`, such as `SIZE=300`.
    pub parameters: Vec<String>,
    /// The recipients that were taken.
    pub to: Vec<String>,
    /// The content, without dots that were added on the way.
    pub content: Vec<u8>,
    /// Whether all of it came, with its final dot.
    pub whole: bool,
    /// The code of the answer, if one was given.
    pub answer: Option<u16>,
}

impl Mail {
    /// Whether the server took it, whatever the client learned of it.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.answer.is_some_and(|code| code / 100 == 2)
    }

    /// The content as text; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }
}

#[derive(Debug, Default)]
pub(super) struct Books {
    entries: Mutex<Entries>,
    changed: Notify,
}

#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) visits: Vec<Visit>,
    pub(super) mails: Vec<Mail>,
    pub(super) steps: Vec<Step>,
}

impl Books {
    /// Changes the books, and wakes who waits for it.
    pub(super) fn write<T>(&self, write: impl FnOnce(&mut Entries) -> T) -> T {
        let result = write(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Entries) -> T) -> T {
        read(&self.lock())
    }

    /// Waits until this holds.
    pub(super) async fn until(&self, holds: impl Fn(&Entries) -> bool) {
        loop {
            let changed = self.changed.notified();
            if holds(&self.lock()) {
                return;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
