use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use super::{
    row::{Phase, Row},
    tables::Tables,
};
use crate::{
    clock::{Timestamp, later},
    name::{ProviderName, TenantId},
    store::{EndState, Entry, Position, Reason, Receipt, ReceiptEffect, ReceiptTarget},
};

/// How long a receipt waits for its message.
const PARKED_FOR: Duration = Duration::from_hours(72);

/// From this rung on a receipt shows that the message had been sent.
const EVIDENCE: u8 = 2;

/// What is known about receipts beside the deliveries they reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Receipts {
    seen: HashSet<ReceiptKey>,
    messages: BTreeMap<Account, HashMap<String, Position>>,
    parked: HashMap<ParkedKey, Vec<Parked>>,
    /// When each parked receipt is forgotten.
    deadlines: BTreeMap<(Timestamp, u64), ParkedKey>,
    parked_so_far: u64,
}

type Account = (TenantId, ProviderName);

/// Account and the provider's id of the statement.
pub(super) type ReceiptKey = (TenantId, ProviderName, String);

type ParkedKey = (TenantId, ReceiptTarget);

/// A receipt whose message is not known yet; numbered in the order of arrival.
#[derive(Debug, Clone)]
struct Parked {
    until: Timestamp,
    number: u64,
    receipt: Receipt,
}

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
            ReceiptTarget::Delivery(id) => self.position_of(&receipt.tenant, *id),
            ReceiptTarget::Message(id) => self
                .receipts
                .messages
                .get(&account_of(receipt))?
                .get(id)
                .copied(),
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
        let advanced = receipt.kind.rank() > row.rank();
        row.note(
            now,
            Entry::Receipt {
                kind: receipt.kind.clone(),
                occurred_at: receipt.occurred_at,
                advanced,
            },
        );
        let receipts = row.receipts.get_or_insert_default();
        receipts.keys.push(key);
        if !advanced {
            return ReceiptEffect::Recorded;
        }
        receipts.highest = Some(receipt.kind);
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
        if self.receipts.parked.is_empty() {
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

impl Row {
    /// Whether receipts show that this generation had been sent.
    pub(super) fn has_evidence(&self) -> bool {
        self.rank() >= EVIDENCE
    }
}

impl Receipts {
    /// Forgets the receipts of a delivery that is forgotten.
    pub(super) fn forget(&mut self, position: Position, row: &Row) {
        for key in row.receipts.iter().flat_map(|receipts| &receipts.keys) {
            self.seen.remove(key);
        }
        if let (Some(provider), Some(message)) = (&row.provider, &row.provider_message_id) {
            let account = (row.tenant().clone(), provider.clone());
            if let Some(messages) = self.messages.get_mut(&account) {
                // Another delivery may have got the same id since.
                if messages.get(message) == Some(&position) {
                    messages.remove(message);
                }
                if messages.is_empty() {
                    self.messages.remove(&account);
                }
            }
        }
    }

    fn park(&mut self, receipt: Receipt, now: Timestamp) {
        let until = later(now, PARKED_FOR);
        let number = self.parked_so_far;
        self.parked_so_far += 1;
        let key = (receipt.tenant.clone(), receipt.target.clone());
        self.deadlines.insert((until, number), key.clone());
        self.parked.entry(key).or_default().push(Parked {
            until,
            number,
            receipt,
        });
    }

    /// Takes out what is parked for a delivery by its id, or by the name its provider gave it.
    fn unpark(&mut self, row: &Row) -> Vec<Receipt> {
        let mut taken = self.take(row, ReceiptTarget::Delivery(row.id), |_| true);
        if let (Some(provider), Some(message)) = (&row.provider, &row.provider_message_id) {
            let target = ReceiptTarget::Message(message.clone());
            taken.extend(self.take(row, target, |receipt| receipt.provider == *provider));
        }
        taken.sort_by_key(|parked| parked.number);
        taken.into_iter().map(|parked| parked.receipt).collect()
    }

    fn take(
        &mut self,
        row: &Row,
        target: ReceiptTarget,
        is_meant: impl Fn(&Receipt) -> bool,
    ) -> Vec<Parked> {
        let key = (row.tenant().clone(), target);
        let Some(parked) = self.parked.get_mut(&key) else {
            return Vec::new();
        };
        let taken: Vec<Parked> = parked
            .extract_if(.., |parked| is_meant(&parked.receipt))
            .collect();
        if parked.is_empty() {
            self.parked.remove(&key);
        }
        for parked in &taken {
            self.deadlines.remove(&(parked.until, parked.number));
        }
        taken
    }

    fn forget_parked(&mut self, now: Timestamp) {
        while let Some(first) = self.deadlines.first_entry()
            && first.key().0 <= now
        {
            let ((_, number), key) = first.remove_entry();
            let Some(parked) = self.parked.get_mut(&key) else {
                continue;
            };
            for lapsed in parked.extract_if(.., |parked| parked.number == number) {
                self.seen.remove(&key_of(&lapsed.receipt));
            }
            if parked.is_empty() {
                self.parked.remove(&key);
            }
        }
    }
}

fn key_of(receipt: &Receipt) -> ReceiptKey {
    (
        receipt.tenant.clone(),
        receipt.provider.clone(),
        receipt.id.clone(),
    )
}

fn account_of(receipt: &Receipt) -> Account {
    (receipt.tenant.clone(), receipt.provider.clone())
}
