use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// What a fake does with a request to send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Act {
    /// Takes the message and answers as the service does.
    #[default]
    Take,
    /// Takes nothing, and answers with this.
    Answer {
        /// The status.
        status: u16,
        /// Headers beside those of the body.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Takes nothing: cuts the connection after so many bytes of the request's body.
    CutRequest(usize),
    /// Takes nothing and stops reading after so many bytes of the body, for good.
    StallRequest(usize),
    /// Takes the message, and cuts the connection before the answer.
    TakeAndCut,
    /// Takes the message, and says nothing, for good.
    TakeAndStall,
    /// Takes the message, and cuts the connection after so many bytes of the answer.
    CutAnswer(usize),
    /// Takes the message, and answers a byte every ten milliseconds, of a body that would take a quarter
    /// of an hour.
    Drip,
    /// Takes the message, and answers with its status but a body that makes no sense.
    Malformed,
    /// Takes the message, and answers with its status and a body of many megabytes.
    Huge,
}

impl Act {
    /// Takes nothing, and answers with a status and a body.
    #[must_use]
    pub fn answer(status: u16, body: impl Into<String>) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Whether the message is taken.
    #[must_use]
    pub fn takes(&self) -> bool {
        !matches!(
            self,
            Self::Answer { .. } | Self::CutRequest(_) | Self::StallRequest(_)
        )
    }
}

/// What is done with the requests to come.
#[derive(Debug, Default)]
pub(crate) struct Script(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    next: VecDeque<Act>,
    then: Act,
}

impl Script {
    pub(crate) fn play(&self, acts: impl IntoIterator<Item = Act>) {
        self.lock().next.extend(acts);
    }

    pub(crate) fn then(&self, act: Act) {
        self.lock().then = act;
    }

    pub(crate) fn next(&self) -> Act {
        let mut lines = self.lock();
        let next = lines.next.pop_front();
        next.unwrap_or_else(|| lines.then.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
