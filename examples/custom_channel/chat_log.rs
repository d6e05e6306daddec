use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use signalbus::{
    channel::Address,
    provider::{Delivery, Provider, SendError, Sent},
};

use crate::chat::Chat;

/// Keeps what is said instead of saying it.
#[derive(Clone, Default)]
pub(crate) struct ChatLog {
    lines: Arc<Mutex<Vec<String>>>,
}

impl ChatLog {
    /// What was said so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[signalbus::async_trait]
impl Provider<Chat> for ChatLog {
    fn name(&self) -> &str {
        "chat-log"
    }

    async fn send(&self, delivery: Delivery<'_, Chat>) -> Result<Sent, SendError> {
        let line = format!("{}: {}", delivery.to.as_str(), delivery.message);
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
        Ok(Sent::new())
    }
}

impl fmt::Debug for ChatLog {
    /// Does not show what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChatLog")
    }
}
