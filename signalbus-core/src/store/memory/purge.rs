use super::{
    row::Phase,
    tables::{EventRow, Tables},
};
use crate::{clock::Timestamp, store::Retention};

impl Tables {
    pub(super) fn purge(&mut self, retention: &Retention, now: Timestamp) -> u64 {
        let done: Vec<i64> = self
            .events
            .iter_from(0)
            .filter(|(_, event)| self.may_go(event, retention, now))
            .take(usize::try_from(retention.most()).unwrap_or(usize::MAX))
            .map(|(number, _)| number)
            .collect();
        self.counters.retain(|_, (_, until)| *until > now);
        let mut purged = 0;
        for number in done {
            if let Some(event) = self.events.remove(number) {
                self.forget(&event);
                purged += 1;
            }
        }
        purged
    }

    fn may_go(&self, event: &EventRow, retention: &Retention, now: Timestamp) -> bool {
        let class = event.stored.class;
        event.stored.accepted_at < retention.accepted_before(now)
            && event
                .positions()
                .filter_map(|position| self.rows.get(position.0))
                .all(|row| match row.phase {
                    Phase::Ended { state, at, .. } => at < retention.before(state, class, now),
                    _ => false,
                })
    }

    fn forget(&mut self, event: &EventRow) {
        self.event_ids.remove(event.stored.id.as_uuid());
        if let Some(key) = &event.key
            && let Some(keys) = self.keys.get_mut(&event.stored.tenant)
        {
            keys.remove(key);
            if keys.is_empty() {
                self.keys.remove(&event.stored.tenant);
            }
        }
        for position in event.positions() {
            self.dequeue(position);
            if let Some(row) = self.rows.remove(position.0) {
                self.ids.remove(row.id.as_uuid());
                self.receipts.forget(position, &row);
            }
        }
    }
}
