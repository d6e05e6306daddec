use std::collections::BTreeSet;

use super::{
    row::{Phase, Row},
    tables::Tables,
};
use crate::{
    clock::{Timestamp, later},
    id::DeliveryId,
    mutant::Mutant,
    store::{Entry, Position, Reason, Redrive, RedriveContent, Redriven, Selection},
};

/// What a redrive will do.
#[derive(Debug, Default)]
struct Plan {
    chosen: Vec<Position>,
    skipped: Vec<DeliveryId>,
    more: bool,
}

impl Tables {
    pub(super) fn redrive(&mut self, redrive: &Redrive, now: Timestamp) -> Redriven {
        let plan = self.plan(redrive);
        let started = plan
            .chosen
            .iter()
            .filter_map(|position| self.rows.get(position.0))
            .map(|row| (row.id, row.generation.saturating_add(1)))
            .collect();
        if !redrive.dry_run {
            for (nth, position) in (0..).zip(plan.chosen) {
                let due = later(now, redrive.spacing.saturating_mul(nth));
                self.restart(position, redrive, due, now);
            }
        }
        Redriven {
            started,
            skipped: plan.skipped,
            more: plan.more,
        }
    }

    fn plan(&self, redrive: &Redrive) -> Plan {
        let limit = usize::try_from(redrive.limit).unwrap_or(usize::MAX);
        let mut plan = Plan::default();
        match &redrive.selection {
            Selection::Ids(ids) => {
                let mut named = BTreeSet::new();
                for (id, generation) in ids {
                    let found = self
                        .position_of(&redrive.tenant, *id)
                        .filter(|position| self.can_restart(*position, Some(*generation)));
                    match found {
                        Some(position) if named.insert(position) => plan.choose(position, limit),
                        _ => plan.skipped.push(*id),
                    }
                }
            }
            Selection::Filter(filter) => {
                let filter = filter.clone().tenant(redrive.tenant.clone());
                self.rows
                    .iter_from(0)
                    .filter(|(_, row)| row.can_restart(None) && self.matches(&filter, row))
                    .filter(|(_, row)| {
                        filter.reason.is_some() || row.reason() != Some(&Reason::InvalidAddress)
                    })
                    .take(limit.saturating_add(1))
                    .for_each(|(number, _)| plan.choose(Position(number), limit));
            }
        }
        plan
    }

    fn can_restart(&self, position: Position, generation: Option<u32>) -> bool {
        self.rows
            .get(position.0)
            .is_some_and(|row| row.can_restart(generation))
    }

    fn restart(&mut self, position: Position, redrive: &Redrive, due: Timestamp, now: Timestamp) {
        self.dequeue(position);
        let Some(row) = self.rows.get_mut(position.0) else {
            return;
        };
        let ended = row.generation;
        row.generation = ended.saturating_add(1);
        row.attempt = 0;
        row.tries = 0;
        row.memo = None;
        // Whoever sends it again means it.
        if let Some(special) = &mut row.special {
            special.after = None;
            special.waits_since = None;
        }
        row.failures = 0;
        row.suspicion = 0;
        row.cancel_requested = false;
        if let Some(receipts) = &mut row.receipts {
            receipts.highest = None;
        }
        row.due = due;
        row.expires_at = redrive.expires_at.or(row.expires_at);
        if redrive.content == RedriveContent::Fresh {
            row.rendering = None;
        }
        let began = row.generation;
        row.note(
            now,
            Entry::Redriven {
                actor: redrive.actor.clone(),
                ended,
                began,
            },
        );
        self.open(position);
        self.enqueue(position, now);
    }
}

impl Plan {
    fn choose(&mut self, position: Position, limit: usize) {
        if self.chosen.len() < limit {
            self.chosen.push(position);
        } else {
            self.more = true;
        }
    }
}

impl Row {
    /// Whether it has ended in a way, and in the generation, that a redrive may end.
    fn can_restart(&self, generation: Option<u32>) -> bool {
        let Phase::Ended { state, .. } = self.phase else {
            return false;
        };
        self.group.is_some()
            && (state.can_be_redriven() || Mutant::RequeueFromTerminal.is_active())
            && generation.is_none_or(|generation| generation == self.generation)
    }
}
