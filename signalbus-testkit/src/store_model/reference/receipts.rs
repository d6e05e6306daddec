use std::time::Duration;

use signalbus_core::{
    DeliveryId,
    clock::later,
    store::{
        EndState, Entry, Reason, Receipt, ReceiptEffect, ReceiptKind, ReceiptTarget, Suppress,
        Suppression,
    },
};

use super::{Delivery, Noted, Reference};

const PARKED_FOR: Duration = Duration::from_hours(72);

impl Reference {
    pub(super) fn record_receipt(&mut self, receipt: &Receipt) -> ReceiptEffect {
        self.forget_parked();
        let same = |noted: &Noted| {
            noted.receipt.tenant == receipt.tenant
                && noted.receipt.provider == receipt.provider
                && noted.receipt.id == receipt.id
        };
        if self.receipts.iter().any(same) {
            return ReceiptEffect::Duplicate;
        }
        let delivery = self
            .deliveries
            .iter()
            .find(|delivery| match &receipt.target {
                ReceiptTarget::Delivery(id) => delivery.id == *id && is_of(receipt, delivery),
                _ => delivery.is_meant_by_name(receipt),
            })
            .map(|delivery| delivery.id);
        self.receipts.push(Noted {
            receipt: receipt.clone(),
            at: self.now,
            delivery,
        });
        match delivery {
            None => ReceiptEffect::Parked,
            Some(id) if self.apply(id, receipt) => {
                self.decide(vec![id]);
                ReceiptEffect::Advanced
            }
            Some(_) => ReceiptEffect::Recorded,
        }
    }

    /// Applies what came before the result of this delivery.
    pub(super) fn apply_parked(&mut self, id: DeliveryId) {
        self.forget_parked();
        let Some(delivery) = self.find(id) else {
            return;
        };
        let by_id = ReceiptTarget::Delivery(id);
        let mut due = Vec::new();
        for (place, noted) in self.receipts.iter().enumerate() {
            let named = noted.receipt.target == by_id && is_of(&noted.receipt, delivery);
            let parked = noted.delivery.is_none();
            if parked && (named || delivery.is_meant_by_name(&noted.receipt)) {
                due.push(place);
            }
        }
        for place in due {
            self.receipts[place].delivery = Some(id);
            let receipt = self.receipts[place].receipt.clone();
            if self.apply(id, &receipt) {
                self.decide(vec![id]);
            }
        }
    }

    /// Says whether the ladder moved.
    fn apply(&mut self, id: DeliveryId, receipt: &Receipt) -> bool {
        let now = self.now;
        let Some(delivery) = self.find_mut(id) else {
            return false;
        };
        let rung = delivery.receipt.as_ref().map_or(0, ReceiptKind::rank);
        let advanced = receipt.kind.rank() > rung;
        let kind = receipt.kind.clone();
        delivery.note(
            now,
            Entry::Receipt {
                kind: kind.clone(),
                occurred_at: receipt.occurred_at,
                advanced,
                code: receipt.code.clone(),
                detail: receipt.detail.clone(),
                bounce: receipt.bounce,
            },
        );
        let listed = receipt
            .suppress
            .clone()
            .and_then(|Suppress { cause, scope }| {
                let (channel, address) = (delivery.new.channel.clone()?, delivery.new.address?);
                Some(
                    Suppression::new(delivery.tenant.clone(), channel, address, cause)
                        .within(scope),
                )
            });
        if advanced {
            delivery.receipt = Some(kind);
        }
        self.suppressed.extend(listed);
        if advanced {
            self.resolve(id);
        }
        advanced
    }

    /// Evidence turns an unknown outcome into `accepted`.
    pub(super) fn resolve(&mut self, id: DeliveryId) {
        let now = self.now;
        if let Some(delivery) = self.find_mut(id)
            && delivery.end() == Some(EndState::OutcomeUnknown)
            && delivery.has_evidence()
        {
            delivery.finish_untried(now, EndState::Accepted, Reason::Receipt, None);
        }
    }

    fn forget_parked(&mut self) {
        let now = self.now;
        self.receipts
            .retain(|noted| noted.delivery.is_some() || later(noted.at, PARKED_FOR) > now);
    }
}

impl Delivery {
    /// Whether receipts show that it had been sent.
    pub(super) fn has_evidence(&self) -> bool {
        self.receipt.as_ref().map_or(0, ReceiptKind::rank) >= ReceiptKind::Sent.rank()
    }

    pub(super) fn is_meant_by_name(&self, receipt: &Receipt) -> bool {
        let named = match &receipt.target {
            ReceiptTarget::Message(name) => self.message.as_ref() == Some(name),
            _ => false,
        };
        named && is_of(receipt, self) && self.provider.as_ref() == Some(&receipt.provider)
    }
}

/// Whether a receipt may be about a delivery of this tenant.
pub(super) fn is_of(receipt: &Receipt, delivery: &Delivery) -> bool {
    receipt
        .tenant
        .as_ref()
        .is_none_or(|tenant| *tenant == delivery.tenant)
}
