//! Puts a history together from what was written down in several places.

use signalbus::{
    Store,
    store::{DeliveryFilter, PageToken, StoreError},
};

use super::{Broken, End, History, Seen};

/// What a store holds about each delivery of all tenants.
///
/// # Errors
/// When the store cannot be read.
pub async fn ends(store: &dyn Store) -> Result<Vec<End>, StoreError> {
    const AT_ONCE: u32 = 1_000;
    let all = DeliveryFilter::new();
    let mut ends = Vec::new();
    let mut next = Some(PageToken::first(AT_ONCE));
    while let Some(token) = next {
        let page = store.list(&all, token).await?;
        for record in page.items {
            let history = store.history(&record.tenant, record.id).await?;
            ends.push(End {
                delivery: record.id,
                event: record.event,
                tenant: record.tenant,
                channel: record.channel,
                state: record.state,
                reason: record.reason,
                generation: record.generation,
                history,
            });
        }
        next = page.next;
    }
    Ok(ends)
}

impl History {
    /// Orders lines that were written in several places by their times, as far as one clock gave
    /// them. Lines of the same microsecond come in the order in which one can have led to the
    /// next.
    pub fn sort(&mut self) {
        self.events
            .sort_by_key(|event| (event.at, rank(&event.seen)));
    }
}

fn rank(seen: &Seen) -> u8 {
    match seen {
        Seen::Fault(Broken::Healed) | Seen::Publish(_) => 0,
        Seen::Stored { .. } | Seen::Held { .. } => 1,
        Seen::Settled { .. }
        | Seen::Refused { .. }
        | Seen::Cancelled { .. }
        | Seen::Redriven { .. }
        | Seen::Suppressed(_)
        | Seen::Unsuppressed(_)
        | Seen::Paused(_)
        | Seen::Resumed(_)
        | Seen::Waits { .. }
        | Seen::NotNeeded { .. }
        | Seen::Purged { .. }
        | Seen::Receipt { .. } => 2,
        Seen::Claimed(_) => 3,
        Seen::Request(_) => 4,
        Seen::Answered { .. } | Seen::LookedUp { .. } | Seen::Foreign { .. } => 5,
        Seen::Published { .. }
        | Seen::Handed { .. }
        | Seen::NotPublished { .. }
        | Seen::Garbage { .. }
        | Seen::PublishUnknown { .. } => 6,
        Seen::Fault(_) => 7,
    }
}
