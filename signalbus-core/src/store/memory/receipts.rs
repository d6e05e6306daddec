use super::{
    receipt_index::key_of,
    row::{Phase, Row},
    tables::Tables,
};
use crate::{
    clock::Timestamp,
    name::ProviderName,
    store::{EndState, Entry, Position, Reason, Receipt, ReceiptEffect, ReceiptTarget},
};

impl Tables {
    pub(super) fn record_receipts(
        &mut self,
        receipts: Vec<Receipt>,
        now: Timestamp,
    ) -> Vec<ReceiptEffect> {
        self.receipts.forget_parked(now);
        receipts
            .into_iter()
            .map(|receipt| self.record_receipt(receipt, now))
            .collect()
    }

    fn record_receipt(&mut self, receipt: Receipt, now: Timestamp) -> ReceiptEffect {
        if !self.receipts.seen.insert(key_of(&receipt)) {
            return ReceiptEffect::Duplicate;
        }
        match self.target_of(&receipt) {
            Some(position) => self.apply_receipt(position, receipt, now),
            None => {
                self.receipts.park(receipt, now);
                ReceiptEffect::Parked
            }
        }
    }

    fn target_of(&self, receipt: &Receipt) -> Option<Position> {
        match &receipt.target {
            ReceiptTarget::Delivery(id) => match &receipt.tenant {
                Some(tenant) => self.position_of(tenant, *id),
                None => self.ids.get(id.as_uuid()),
            },
            ReceiptTarget::Message(id) => self.receipts.position_of(receipt, id),
        }
    }

    fn apply_receipt(
        &mut self,
        position: Position,
        receipt: Receipt,
        now: Timestamp,
    ) -> ReceiptEffect {
        let key = key_of(&receipt);
        let Some(row) = self.rows.get_mut(position.0) else {
            return ReceiptEffect::Recorded;
        };
        let advanced = receipt.rank > row.rank();
        row.note(
            now,
            Entry::Receipt {
                kind: receipt.kind.clone(),
                occurred_at: receipt.occurred_at,
                advanced,
                code: receipt.code.clone(),
                detail: receipt.detail,
                bounce: receipt.bounce,
            },
        );
        let receipts = row.receipts.get_or_insert_default();
        receipts.keys.push(key);
        if advanced {
            receipts.highest = Some((receipt.rank, receipt.kind));
            self.siblings.moved(position);
        }
        if let Some(suppress) = receipt.suppress
            && let (Some(address), Some(channel)) = (row.address, row.channel())
        {
            let tenant = row.tenant().clone();
            let (channel, at) = (channel.clone(), receipt.occurred_at);
            let entry = suppress.entry(tenant, channel, address, receipt.code, at);
            self.suppressions.add(entry, now);
        }
        if !advanced {
            return ReceiptEffect::Recorded;
        }
        self.resolve(position, now);
        ReceiptEffect::Advanced
    }

    /// Keeps who took a message.
    pub(super) fn taken_by(
        &mut self,
        position: Position,
        provider: ProviderName,
        message: Option<String>,
    ) {
        let Some(row) = self.rows.get_mut(position.0) else {
            return;
        };
        row.provider = Some(provider.clone());
        row.provider_message_id.clone_from(&message);
        let Some(message) = message else { return };
        let account = (row.tenant().clone(), provider);
        self.receipts
            .messages
            .entry(account)
            .or_default()
            .insert(message, position);
    }

    /// Applies the receipts that came before the result.
    pub(super) fn apply_parked(&mut self, position: Position, now: Timestamp) {
        if !self.receipts.are_parked() {
            return;
        }
        self.receipts.forget_parked(now);
        let Some(row) = self.rows.get(position.0) else {
            return;
        };
        for receipt in self.receipts.unpark(row) {
            self.apply_receipt(position, receipt, now);
        }
    }

    /// Turns an unknown outcome into `accepted` when there is evidence.
    pub(super) fn resolve(&mut self, position: Position, now: Timestamp) {
        let unknown = |row: &Row| {
            matches!(
                row.phase,
                Phase::Ended {
                    state: EndState::OutcomeUnknown,
                    ..
                }
            )
        };
        if self
            .rows
            .get(position.0)
            .is_some_and(|row| unknown(row) && row.has_evidence())
        {
            self.end_untried(position, EndState::Accepted, Reason::Receipt, None, now);
        }
    }
}
