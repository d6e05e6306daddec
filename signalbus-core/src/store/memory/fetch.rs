use std::time::Duration;

use super::{
    lanes::Held,
    order::Chains,
    row::{Phase, Row},
    tables::Tables,
};
use crate::{
    clock::Timestamp,
    event::Order,
    name::ChannelName,
    store::{
        ClassWindow, Fetched, Group, Interrupted, LaneLease, MOST_INTERRUPTED, Position, SpaceId,
        Window,
    },
};

impl Tables {
    pub(super) fn fetch(
        &mut self,
        leases: &[LaneLease],
        window: &Window,
        now: Timestamp,
    ) -> Fetched {
        let held = self.lanes.confirm(leases);
        self.promote(&held, now);
        let next_due = self
            .lanes
            .held_mut(&held)
            .filter_map(|lane| lane.timers.first())
            .map(|(due, _)| *due)
            .min();
        let interrupted = self.interrupted(&held, &window.channels);
        let mut found = Vec::new();
        let mut resume = Vec::new();
        for class in &window.classes {
            let stopped = self.read_class(&held, class, window, now, &mut found);
            resume.extend(stopped.map(|group| (class.class, group)));
        }
        // All are found before any is copied: then there is one allocation.
        let mut ready = Vec::with_capacity(found.len());
        ready.extend(
            found
                .iter()
                .filter_map(|(position, row)| row.ready(*position)),
        );
        Fetched {
            now,
            ready,
            interrupted,
            resume,
            next_due,
        }
    }

    /// Moves what has become due into the queues.
    fn promote(&mut self, held: &Held, now: Timestamp) {
        for lane in self.lanes.held_mut(held) {
            while let Some((due, position)) = lane.timers.first().copied()
                && due <= now
            {
                lane.timers.pop_first();
                if let Some(row) = self.rows.get_mut(position.0)
                    && let Some(group) = &row.group
                {
                    row.phase = Phase::Ready;
                    self.queues.insert(row.event.class, group, position);
                }
            }
        }
    }

    /// Finds what is sendable in a class; returns the group it stopped behind when there is more.
    fn read_class<'a>(
        &'a self,
        held: &Held,
        class: &ClassWindow,
        window: &Window,
        now: Timestamp,
        found: &mut Vec<(Position, &'a Row)>,
    ) -> Option<Group> {
        let mut left = class.total;
        let mut last_read = class.after.as_ref();
        for (group, queue) in self.queues.round(class.class, class.after.as_ref()) {
            let skipped = class.skip.iter().any(|account| {
                account.tenant == group.tenant
                    && account.channel == group.channel
                    && account.pool == group.pool
            });
            if skipped || !held.has(group.lane) || !window.channels.contains(&group.channel) {
                continue;
            }
            let mut left_of_group = window.per_group;
            for position in queue {
                if left_of_group == 0 {
                    break;
                }
                let Some(row) = self.rows.get(position.0) else {
                    continue;
                };
                if !self.may_be_sent(row, *position, now) {
                    continue;
                }
                if left == 0 {
                    return last_read.cloned();
                }
                found.push((*position, row.as_ref()));
                last_read = Some(group);
                left -= 1;
                left_of_group -= 1;
            }
        }
        None
    }

    /// Whether the order lets it go now. Due is checked again, as the wall clock may have gone
    /// back since it was queued.
    fn may_be_sent(&self, row: &Row, position: Position, now: Timestamp) -> bool {
        row.is_due(now)
            && !self.is_held_back(row, position, |at, earlier| {
                goes_along(earlier, row, now) && !self.is_blocked(earlier, at)
            })
    }

    /// Whether the order keeps it waiting for an earlier one, other than those that `may_stay`.
    pub(super) fn is_held_back(
        &self,
        row: &Row,
        position: Position,
        may_stay: impl Fn(Position, &Row) -> bool,
    ) -> bool {
        if !row.order.is_strict() {
            return false;
        }
        self.is_blocked(row, position)
            || self
                .earlier(&self.open, row, position)
                .any(|(at, earlier)| !may_stay(at, earlier))
    }

    /// Whether a dead one holds it back.
    fn is_blocked(&self, row: &Row, position: Position) -> bool {
        row.order == Order::StrictBlocking
            && self.earlier(&self.dead, row, position).next().is_some()
    }

    /// The earlier ones of its order key that have an order. Keys are hashes: those of two tenants
    /// may be equal.
    fn earlier<'a>(
        &'a self,
        chains: &'a Chains,
        row: &'a Row,
        position: Position,
    ) -> impl Iterator<Item = (Position, &'a Row)> {
        chains
            .earlier(row.order_key, position)
            .filter_map(|earlier| Some((earlier, self.rows.get(earlier.0)?.as_ref())))
            .filter(|(_, earlier)| earlier.tenant() == row.tenant())
    }

    fn interrupted(&mut self, held: &Held, channels: &[ChannelName]) -> Vec<Interrupted> {
        let mut interrupted = Vec::new();
        for lane in self.lanes.held_mut(held) {
            for position in &lane.interrupted {
                if let Some(row) = self.rows.get(position.0)
                    && let Phase::Sending(hold) = row.phase
                    && row
                        .channel()
                        .is_some_and(|channel| channels.contains(channel))
                    && let Some(ready) = row.ready(*position)
                {
                    interrupted.push(Interrupted {
                        ready,
                        claimed_at: hold.claimed_at,
                        alone: hold.alone,
                    });
                }
            }
        }
        interrupted.sort_unstable_by_key(|one: &Interrupted| one.ready.position);
        interrupted.truncate(MOST_INTERRUPTED as usize);
        interrupted
    }

    /// Channels with work that nobody who lives asks for.
    pub(super) fn unserved(&self, now: Duration) -> Vec<(ChannelName, u64)> {
        let mut counts: Vec<(ChannelName, u64)> = self
            .channels
            .iter()
            .filter(|channel| !self.lanes.is_served(SpaceId::send(channel), now))
            .map(|channel| (channel.clone(), 0))
            .collect();
        if counts.is_empty() {
            return counts;
        }
        for (_, row) in self.rows.iter_from(0) {
            if matches!(row.phase, Phase::Ready | Phase::Sending(_))
                && let Some(channel) = row.channel()
                && let Some((_, count)) = counts.iter_mut().find(|(of, _)| of == channel)
            {
                *count += 1;
            }
        }
        counts.retain(|(_, count)| *count > 0);
        counts
    }
}

/// Whether a strictly ordered delivery may be returned although an earlier one has not ended: only
/// when that one is returned before it. This is certain within one group of one class alone, as a
/// group is read from the front.
fn goes_along(earlier: &Row, row: &Row, now: Timestamp) -> bool {
    earlier.phase == Phase::Ready
        && earlier.is_due(now)
        && earlier.event.class == row.event.class
        && earlier.group == row.group
}
