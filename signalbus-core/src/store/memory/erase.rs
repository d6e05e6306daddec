use std::sync::Arc;

use bytes::Bytes;

use super::{
    row::{Phase, Row},
    tables::Tables,
};
use crate::{
    clock::Timestamp,
    store::{EndState, Entry, Erase, Erased, Position, Reason, StoredEvent},
};

impl Tables {
    pub(super) fn erase(&mut self, erase: &Erase, now: Timestamp) -> Erased {
        let limit = usize::try_from(erase.limit).unwrap_or(usize::MAX);
        let mut theirs = self.recipients_of(erase);
        let mut erased = Erased {
            more: theirs.len() > limit,
            ..Erased::default()
        };
        theirs.truncate(limit);
        for (number, place) in theirs {
            self.erase_one(number, place, erase, now, &mut erased);
        }
        erased
    }

    /// Events and places of the recipients that are not erased yet.
    fn recipients_of(&self, erase: &Erase) -> Vec<(i64, usize)> {
        let mut found = Vec::new();
        for (number, event) in self.events.iter_from(0) {
            if event.stored.tenant != erase.tenant {
                continue;
            }
            for (place, recipient) in event.recipients.iter().enumerate() {
                let theirs = |row: &Row| {
                    usize::try_from(row.recipient) == Ok(place)
                        && row.address.is_some_and(|to| erase.addresses.contains(&to))
                };
                if recipient.content.is_some()
                    && (erase.keys.contains(&recipient.key)
                        || event
                            .positions()
                            .filter_map(|position| self.rows.get(position.0))
                            .any(|row| theirs(row)))
                {
                    found.push((number, place));
                }
            }
        }
        found
    }

    fn erase_one(
        &mut self,
        number: i64,
        place: usize,
        erase: &Erase,
        now: Timestamp,
        erased: &mut Erased,
    ) {
        let Some(event) = self.events.get_mut(number) else {
            return;
        };
        if let Some(recipient) = event.recipients.get_mut(place) {
            recipient.content = None;
            erased.recipients += 1;
        }
        let had_secret = event.secret.is_some();
        let positions: Vec<Position> = event.positions().collect();
        for position in &positions {
            let row = self.rows.get(position.0);
            if row.is_some_and(|row| usize::try_from(row.recipient) == Ok(place)) {
                self.erase_delivery(*position, erase, now, erased);
            }
        }
        let Some(event) = self.events.get_mut(number) else {
            return;
        };
        if event.recipients.iter().all(|one| one.content.is_none()) {
            erased.events += 1;
            erased.files += u64::try_from(event.files.len()).unwrap_or(u64::MAX);
            event.files = Vec::new();
            event.secret = None;
            event.stored = Arc::new(StoredEvent {
                content: Bytes::new(),
                ..StoredEvent::clone(&event.stored)
            });
            let stored = Arc::clone(&event.stored);
            for position in positions {
                if let Some(row) = self.rows.get_mut(position.0) {
                    row.event = Arc::clone(&stored);
                    row.bytes = 0;
                }
            }
        }
        let has_secret = self.events.get(number).is_some_and(|e| e.secret.is_some());
        erased.secrets += u64::from(had_secret && !has_secret);
    }

    fn erase_delivery(
        &mut self,
        position: Position,
        erase: &Erase,
        now: Timestamp,
        erased: &mut Erased,
    ) {
        let Some(row) = self.rows.get(position.0) else {
            return;
        };
        let in_flight = matches!(row.phase, Phase::Sending(_));
        let open = !matches!(row.phase, Phase::Ended { .. });
        let parked = self.receipts.unpark(row);
        for receipt in &parked {
            self.receipts.forget_seen(receipt);
        }
        erased.receipts += u64::try_from(parked.len()).unwrap_or(u64::MAX);
        self.receipts.forget_message(position, row);
        if open {
            self.end(position, EndState::Cancelled, Reason::Erased, now);
            erased.cancelled += 1;
        }
        let Some(row) = self.rows.get_mut(position.0) else {
            return;
        };
        erased.renderings += u64::from(row.rendering.take().is_some());
        erased.message_ids += u64::from(row.provider_message_id.take().is_some());
        for entry in &mut row.history {
            entry.erase();
        }
        let actor = erase.actor.clone();
        row.note(now, Entry::Erased { actor, in_flight });
    }
}
