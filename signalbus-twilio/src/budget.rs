//! How much each sender has sent lately, so that no sender of a pool is overrun while another rests.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use signalbus_core::channel::sms::PhoneNumber;

use crate::pool::{Kind, Sender, place};

/// When each sender is free again, in monotonic time. Twilio queues what comes too fast, so nothing
/// waits here: the engine's own pace is the sum of all senders (`Capabilities::rate`).
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<HashMap<Kind, Duration>>);

impl Budget {
    /// Picks a sender for so many segments: the recipient's own while it is free, else the first that
    /// is free, else the one that is free soonest. None when there are none.
    pub(crate) fn pick<'a>(
        &self,
        senders: &'a [Sender],
        to: &PhoneNumber,
        segments: u32,
        now: Duration,
    ) -> Option<&'a Sender> {
        let mut busy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let start = place(to, senders.len());
        let in_turn = senders.iter().cycle().skip(start).take(senders.len());
        let until = |sender: &Sender| busy.get(&sender.kind).copied().unwrap_or_default().max(now);
        // The first of the least.
        let sender = in_turn.min_by_key(|sender| until(sender))?;
        if let Some(rate) = sender.segments_a_second {
            let takes = Duration::from_secs(1) * segments / rate.get();
            let end = until(sender).saturating_add(takes);
            busy.insert(sender.kind.clone(), end);
        }
        Some(sender)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use signalbus_core::channel::Address;

    use super::*;

    #[test]
    fn a_busy_sender_hands_over_to_the_next() {
        let to = PhoneNumber::parse("+447700900123").unwrap();
        let slow = NonZeroU32::new(1).unwrap();
        let senders: Vec<Sender> = ["A1", "B2", "C3"]
            .iter()
            .map(|name| Sender::new(name).unwrap().segments_a_second(slow))
            .collect();
        let budget = Budget::default();
        let second = Duration::from_secs(1);
        let pick = |segments, now: Duration| {
            let sender = budget.pick(&senders, &to, segments, now).unwrap();
            senders.iter().position(|other| other == sender).unwrap()
        };
        let own = pick(2, Duration::ZERO);
        let second_choice = pick(1, Duration::ZERO);
        assert_ne!(own, second_choice);
        let third = pick(1, Duration::ZERO);
        assert_eq!(own + second_choice + third, 3);
        // All are busy: the own one longest.
        assert_ne!(pick(1, Duration::ZERO), own);
        // All are free again: the recipient's own.
        assert_eq!(pick(1, 10 * second), own);
    }

    #[test]
    fn a_sender_without_a_limit_is_always_free() {
        let to = PhoneNumber::parse("+447700900123").unwrap();
        let senders = [Sender::new("A1").unwrap(), Sender::new("B2").unwrap()];
        let budget = Budget::default();
        let first = budget.pick(&senders, &to, 9, Duration::ZERO);
        for _ in 0..10 {
            assert_eq!(budget.pick(&senders, &to, 9, Duration::ZERO), first);
        }
        assert_eq!(budget.pick(&[], &to, 1, Duration::ZERO), None);
    }
}
