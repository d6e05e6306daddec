use signalbus_core::{
    DeliveryId,
    store::{EndState, Entry, Erase, Erased, Reason, ReceiptTarget, RecipientKey},
};

use super::{Delivery, Place, Reference, receipts::is_of};

impl Reference {
    /// Without a limit: whom a limited one takes first is the store's own choice.
    pub(in super::super) fn erase(&mut self, erase: &Erase) -> Erased {
        let mut erased = Erased::default();
        let mut moved = Vec::new();
        for nth in 0..self.events.len() {
            if self.events[nth].new.tenant != erase.tenant {
                continue;
            }
            let had_secret = self.events[nth].new.secret.is_some();
            for place in 0..self.events[nth].new.recipients.len() {
                if !self.events[nth].erased.contains(&place) && self.is_theirs(nth, place, erase) {
                    self.events[nth].erased.insert(place);
                    erased.recipients += 1;
                    moved.extend(self.erase_deliveries(nth, place, erase, &mut erased));
                    let all = self.events[nth].new.recipients.len();
                    erased.events += u64::from(self.events[nth].erased.len() == all);
                }
            }
            self.forget_secrets();
            erased.secrets += u64::from(had_secret && self.events[nth].new.secret.is_none());
        }
        self.decide(moved);
        erased
    }

    fn is_theirs(&self, nth: usize, place: usize, erase: &Erase) -> bool {
        let event = &self.events[nth].new;
        let key: RecipientKey = event.recipients[place].key;
        let mut of = event
            .deliveries
            .iter()
            .filter(|one| of_place(one.recipient, place));
        erase.keys.contains(&key)
            || of.any(|one| one.address.is_some_and(|to| erase.addresses.contains(&to)))
    }

    fn erase_deliveries(
        &mut self,
        nth: usize,
        place: usize,
        erase: &Erase,
        erased: &mut Erased,
    ) -> Vec<DeliveryId> {
        let mut moved = Vec::new();
        let (now, event) = (self.now, self.events[nth].new.id);
        let theirs = |one: &&mut Delivery| one.event == event && of_place(one.new.recipient, place);
        for delivery in self.deliveries.iter_mut().filter(theirs) {
            let by_id = ReceiptTarget::Delivery(delivery.id);
            let parked = self.receipts.len();
            self.receipts.retain(|noted| {
                let named = noted.receipt.target == by_id && is_of(&noted.receipt, delivery);
                let theirs = named || delivery.is_meant_by_name(&noted.receipt);
                noted.delivery.is_some() || !theirs
            });
            erased.receipts += u64::try_from(parked - self.receipts.len()).unwrap_or_default();
            let in_flight = matches!(delivery.place, Place::Sending { .. });
            if delivery.end().is_none() {
                delivery.finish(now, EndState::Cancelled, Reason::Erased);
                erased.cancelled += 1;
                moved.push(delivery.id);
            }
            erased.renderings += u64::from(delivery.rendering.take().is_some());
            erased.message_ids += u64::from(delivery.message.take().is_some());
            for line in &mut delivery.history {
                line.erase();
            }
            let actor = erase.actor.clone();
            delivery.note(now, Entry::Erased { actor, in_flight });
        }
        moved
    }
}

fn of_place(recipient: u32, place: usize) -> bool {
    usize::try_from(recipient) == Ok(place)
}
