use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use foldhash::HashMap;

use super::content::Content;
use crate::id::EventId;

/// The contents of the events published here last. Most are sent at once, and then their blob
/// need not be decoded.
#[derive(Default)]
pub(crate) struct Fresh {
    /// Who only publishes keeps nothing.
    wanted: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    contents: HashMap<EventId, Arc<Content>>,
    /// The oldest first; what was taken since is still in it.
    published: VecDeque<EventId>,
}

/// The most events that are kept.
const MOST: usize = 1_024;

/// The longest blob, in bytes, whose content is kept.
pub(crate) const LONGEST: usize = 4 * 1_024;

impl Fresh {
    /// From now on there is an engine that takes them.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn put(&self, published: impl IntoIterator<Item = (EventId, Arc<Content>)>) {
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let mut kept = self.lock();
        for (id, content) in published {
            kept.published.push_back(id);
            kept.contents.insert(id, content);
            if kept.published.len() > MOST
                && let Some(oldest) = kept.published.pop_front()
            {
                kept.contents.remove(&oldest);
            }
        }
    }

    pub(crate) fn take(&self, id: EventId) -> Option<Arc<Content>> {
        self.lock().contents.remove(&id)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Fresh {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fresh").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn published(number: usize) -> (EventId, Arc<Content>) {
        let id = EventId::from_uuid(Uuid::from_u128(number as u128));
        let content = Content::new(Vec::new(), json!({ "number": number }));
        (id, Arc::new(content))
    }

    #[test]
    fn what_was_published_last_is_there_once() {
        let fresh = Fresh::default();
        fresh.put([published(0)]);
        assert!(fresh.take(published(0).0).is_none(), "nobody wants it");
        fresh.want();
        fresh.put((0..MOST + 10).map(published));
        let number = |of: usize| {
            let (id, _) = published(of);
            fresh.take(id).map(|content| content.data["number"].clone())
        };
        assert_eq!(number(9), None, "it made room");
        assert_eq!(number(10), Some(json!(10)));
        assert_eq!(number(10), None, "it was taken");
        assert_eq!(number(MOST + 9), Some(json!(MOST + 9)));
    }
}
