use serde::{Deserialize, Serialize};

use super::{EndState, Reason, ReceiptKind, State};
use crate::{clock::Timestamp, id::DeliveryId};

/// Makes a delivery wait for another one of its event: "a text, unless the mail was delivered within
/// ten minutes", "whichever works first".
///
/// While it waits, whatever becomes of the sibling (a result, a receipt, a call-off) leads, in the
/// same transaction, to what [`After::verdict`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct After {
    /// The delivery it waits for.
    pub sibling: DeliveryId,
    /// Sent at this time, if nothing was decided before; none to wait as long as it takes.
    pub until: Option<Timestamp>,
    /// Not sent when the sibling has reached this rung of the ladder of receipts
    /// ([`ReceiptKind::rank`]).
    pub unless: u8,
}

/// What the standing of a sibling means for a delivery that waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on waiting.
    Wait,
    /// It may be sent now: the sibling did not reach the recipient.
    Send,
    /// It ends as [`EndState::NotNeeded`], for [`Reason::Reached`].
    NotNeeded,
}

impl After {
    /// As soon as the sibling has ended without being taken by a provider; not at all when one took
    /// it.
    #[must_use]
    pub const fn failed(sibling: DeliveryId) -> Self {
        Self {
            sibling,
            until: None,
            unless: ReceiptKind::Sent.rank(),
        }
    }

    /// At `until`, or as soon as the sibling has failed or bounced; not at all when it was delivered
    /// before.
    #[must_use]
    pub const fn undelivered(sibling: DeliveryId, until: Timestamp) -> Self {
        Self {
            sibling,
            until: Some(until),
            unless: ReceiptKind::Delivered.rank(),
        }
    }

    /// What follows from where the sibling stands: its state, why it ended, and the highest rung its
    /// receipts reached.
    ///
    /// A bounce takes back what was reached before. A sibling that was not needed itself, as a third
    /// delivery had reached the recipient, passes that on.
    #[must_use]
    pub fn verdict(&self, state: State, reason: Option<&Reason>, rank: u8) -> Verdict {
        let bounced = rank == ReceiptKind::Bounced.rank();
        let taken = state == State::Ended(EndState::Accepted);
        let reached = rank >= self.unless || (taken && self.unless <= ReceiptKind::Sent.rank());
        let passed_on =
            state == State::Ended(EndState::NotNeeded) && reason == Some(&Reason::Reached);
        if passed_on || (reached && !bounced) {
            Verdict::NotNeeded
        } else if bounced || (matches!(state, State::Ended(_)) && !taken) {
            Verdict::Send
        } else {
            Verdict::Wait
        }
    }
}

/// The due time of what waits for no time: 9999-12-30 00:00 UTC, which every store can keep.
pub const FOREVER: Timestamp = Timestamp::constant(253_402_128_000, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sibling_leads_to_one_of_three() {
        let sibling = DeliveryId::from_uuid(uuid::Uuid::from_u128(1));
        let failed = After::failed(sibling);
        let undelivered = After::undelivered(sibling, Timestamp::UNIX_EPOCH);
        let ended = State::Ended;
        let (sent, delivered) = (ReceiptKind::Sent.rank(), ReceiptKind::Delivered.rank());
        let (bounced, complained) = (ReceiptKind::Bounced.rank(), ReceiptKind::Complained.rank());
        for (state, rank, first, second) in [
            (State::Waiting, 0, Verdict::Wait, Verdict::Wait),
            (State::Sending, 0, Verdict::Wait, Verdict::Wait),
            (State::Sending, sent, Verdict::NotNeeded, Verdict::Wait),
            (
                ended(EndState::Accepted),
                0,
                Verdict::NotNeeded,
                Verdict::Wait,
            ),
            (
                ended(EndState::Accepted),
                delivered,
                Verdict::NotNeeded,
                Verdict::NotNeeded,
            ),
            (
                ended(EndState::Accepted),
                bounced,
                Verdict::Send,
                Verdict::Send,
            ),
            (
                ended(EndState::Accepted),
                complained,
                Verdict::NotNeeded,
                Verdict::NotNeeded,
            ),
            (ended(EndState::Dead), 0, Verdict::Send, Verdict::Send),
            (ended(EndState::Cancelled), 0, Verdict::Send, Verdict::Send),
            (
                ended(EndState::OutcomeUnknown),
                0,
                Verdict::Send,
                Verdict::Send,
            ),
            (ended(EndState::NotNeeded), 0, Verdict::Send, Verdict::Send),
        ] {
            assert_eq!(failed.verdict(state, None, rank), first, "{state:?} {rank}");
            assert_eq!(
                undelivered.verdict(state, None, rank),
                second,
                "{state:?} {rank}"
            );
        }
        let passed_on = failed.verdict(ended(EndState::NotNeeded), Some(&Reason::Reached), 0);
        assert_eq!(passed_on, Verdict::NotNeeded);
    }
}
