use super::{row::Phase, tables::Tables};
use crate::{
    clock::Timestamp,
    name::TenantId,
    store::{Cancel, CancelAnswer, CancelTarget, Cancelled, EndState, Entry, Position, Reason},
};

impl Tables {
    pub(super) fn cancel(
        &mut self,
        tenant: &TenantId,
        cancel: &Cancel,
        now: Timestamp,
    ) -> Vec<Cancelled> {
        let positions: Vec<Position> = match cancel.target {
            CancelTarget::Event(id) => self
                .event_of(tenant, id)
                .into_iter()
                .flat_map(|event| event.positions())
                .collect(),
            CancelTarget::Delivery(id) => self.position_of(tenant, id).into_iter().collect(),
        };
        positions
            .into_iter()
            .filter_map(|position| self.cancel_one(position, &cancel.actor, now))
            .collect()
    }

    fn cancel_one(&mut self, position: Position, actor: &str, now: Timestamp) -> Option<Cancelled> {
        let row = self.rows.get_mut(position.0)?;
        let id = row.id;
        let called_off = |in_flight| Entry::Cancelled {
            actor: actor.to_owned(),
            in_flight,
        };
        let answer = match row.phase {
            Phase::Ended { state, .. } => CancelAnswer::Ended(state),
            Phase::Sending(_) => {
                if !row.cancel_requested {
                    row.cancel_requested = true;
                    row.note(now, called_off(true));
                }
                CancelAnswer::InFlight
            }
            Phase::Ready | Phase::Scheduled | Phase::Held => {
                row.note(now, called_off(false));
                self.end(position, EndState::Cancelled, Reason::Cancelled, now);
                CancelAnswer::Cancelled
            }
        };
        Some(Cancelled { id, answer })
    }
}
