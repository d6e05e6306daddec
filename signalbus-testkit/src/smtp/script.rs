use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

/// Where a server can do something else than what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// A client connected; usual is the greeting.
    Connect,
    /// The TLS handshake; only [`Act::Stall`] and [`Act::Drop`].
    Handshake,
    /// `EHLO`.
    Hello,
    /// `STARTTLS`.
    StartTls,
    /// `AUTH`, up to the reply that says whether the account may.
    Auth,
    /// `MAIL`.
    Mail,
    /// `RCPT`.
    Recipient,
    /// `DATA`, before any content.
    Data,
    /// The first byte of content came; only [`Act::Stall`] and [`Act::Drop`].
    Content,
    /// The final dot came.
    Dot,
    /// `RSET`.
    Reset,
    /// `QUIT`.
    Quit,
}

/// What a server does instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Act {
    /// Answers with these bytes, and goes on by their code.
    Reply(Vec<u8>),
    /// Answers with these bytes and closes.
    ReplyAndDrop(Vec<u8>),
    /// Never answers. What comes is thrown away, until the client has gone.
    Stall,
    /// Closes without an answer.
    Drop,
}

impl Act {
    /// Answers with this line.
    #[must_use]
    pub fn reply(line: &str) -> Self {
        Self::Reply(format!("{line}\r\n").into_bytes())
    }

    /// Answers with this line and closes.
    #[must_use]
    pub fn reply_and_drop(line: &str) -> Self {
        Self::ReplyAndDrop(format!("{line}\r\n").into_bytes())
    }
}

#[derive(Debug, Default)]
pub(super) struct Script {
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    once: HashMap<Step, VecDeque<Act>>,
    always: HashMap<Step, Act>,
    recipients: HashMap<String, Act>,
}

impl Script {
    pub(super) fn once(&self, step: Step, act: Act) {
        self.with(|rules| rules.once.entry(step).or_default().push_back(act));
    }

    pub(super) fn always(&self, step: Step, act: Act) {
        self.with(|rules| rules.always.insert(step, act));
    }

    pub(super) fn recipient(&self, address: &str, act: Act) {
        self.with(|rules| rules.recipients.insert(address.to_owned(), act));
    }

    pub(super) fn clear(&self) {
        self.with(|rules| *rules = Rules::default());
    }

    /// What to do at this step; none for the usual.
    pub(super) fn act(&self, step: Step, recipient: Option<&str>) -> Option<Act> {
        self.with(|rules| {
            recipient
                .and_then(|address| rules.recipients.get(address).cloned())
                .or_else(|| rules.once.get_mut(&step).and_then(VecDeque::pop_front))
                .or_else(|| rules.always.get(&step).cloned())
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> T {
        change(&mut self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
