use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus_core::{
    clock::{Timestamp, later},
    provider::CallbackError,
};

/// Which tokens were used, and for what content. Mailgun signs a token and not the event, so that a
/// captured signature would vouch for any event until its token counts as used.
///
/// Behind several processes, implement it on something they share.
#[async_trait]
pub trait UsedTokens: fmt::Debug + Send + Sync + 'static {
    /// Whether a token was used for this content, for another, or not yet. Changes nothing.
    ///
    /// # Errors
    /// When it cannot be told: Mailgun is asked to come again.
    async fn look(&self, token: &str, content: [u8; 32]) -> Result<TokenState, CallbackError>;

    /// Keeps a token as used for this content, until `now` plus `window`. Called when the event is
    /// recorded, not before.
    async fn mark(&self, token: &str, content: [u8; 32], now: Timestamp, window: Duration);
}

/// What is known about a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// Not used yet.
    Fresh,
    /// Used for the same content: the same webhook came again.
    Same,
    /// Used for another content.
    Other,
}

/// Keeps used tokens in this process.
///
/// It keeps at most [`MemoryTokens::MOST`] of them, and forgets the oldest first: some 70 bytes each.
#[derive(Debug, Default)]
pub struct MemoryTokens(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    contents: HashMap<String, [u8; 32]>,
    by_end: BTreeMap<(Timestamp, u64), String>,
    marked: u64,
}

impl MemoryTokens {
    /// The most tokens that are kept.
    pub const MOST: usize = 1_000_000;

    /// None used yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl UsedTokens for MemoryTokens {
    async fn look(&self, token: &str, content: [u8; 32]) -> Result<TokenState, CallbackError> {
        Ok(match self.lock().contents.get(token) {
            None => TokenState::Fresh,
            Some(used) if *used == content => TokenState::Same,
            Some(_) => TokenState::Other,
        })
    }

    async fn mark(&self, token: &str, content: [u8; 32], now: Timestamp, window: Duration) {
        let mut kept = self.lock();
        while let Some(first) = kept.by_end.first_entry()
            && first.key().0 < now
        {
            let token = first.remove();
            kept.contents.remove(&token);
        }
        if kept.contents.contains_key(token) {
            return;
        }
        if kept.contents.len() >= Self::MOST
            && let Some((_, oldest)) = kept.by_end.pop_first()
        {
            kept.contents.remove(&oldest);
        }
        kept.marked += 1;
        let end = (later(now, window), kept.marked);
        kept.by_end.insert(end, token.to_owned());
        kept.contents.insert(token.to_owned(), content);
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("tokens", &self.contents.len())
            .finish_non_exhaustive()
    }
}
