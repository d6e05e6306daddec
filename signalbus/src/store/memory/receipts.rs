use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
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
#[derive(Debug, Default)]
pub(super) struct Receipts {
    seen: HashSet<ReceiptKey>,
    messages: BTreeMap<Account, HashMap<String, Position>>,
    parked: HashMap<(Account, ReceiptTarget), Vec<Parked>>,
    deadlines: VecDeque<(Timestamp, Account, ReceiptTarget)>,
}

type Account = (TenantId, ProviderName);

/// Account and the provider's id of the statement.
pub(super) type ReceiptKey = (TenantId, ProviderName, String);

#[derive(Debug)]
struct Parked {
    until: Timestamp,
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

    /// Keeps who took a message, and applies the receipts that came first.
    pub(super) fn taken_by(
        &mut self,
        position: Position,
        provider: ProviderName,
        message: Option<String>,
        now: Timestamp,
    ) {
        let Some(row) = self.rows.get_mut(position.0) else {
            return;
        };
        row.provider = Some(provider.clone());
        row.provider_message_id.clone_from(&message);
        let Some(message) = message else { return };
        let account = (row.tenant().clone(), provider);
        for receipt in self.receipts.unpark(&account, &message, now) {
            self.apply_receipt(position, receipt, now);
        }
        self.receipts
            .messages
            .entry(account)
            .or_default()
            .insert(message, position);
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
            self.end_untried(position, EndState::Accepted, Reason::Receipt, now);
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
        let account = account_of(&receipt);
        let target = receipt.target.clone();
        self.deadlines
            .push_back((until, account.clone(), target.clone()));
        self.parked
            .entry((account, target))
            .or_default()
            .push(Parked { until, receipt });
    }

    fn unpark(&mut self, account: &Account, message: &str, now: Timestamp) -> Vec<Receipt> {
        if self.parked.is_empty() {
            return Vec::new();
        }
        self.forget_parked(now);
        let target = ReceiptTarget::Message(message.to_owned());
        self.parked
            .remove(&(account.clone(), target))
            .into_iter()
            .flatten()
            .map(|parked| parked.receipt)
            .collect()
    }

    fn forget_parked(&mut self, now: Timestamp) {
        while let Some((until, account, target)) =
            self.deadlines.pop_front_if(|(until, ..)| *until <= now)
        {
            let key = (account, target);
            let Some(parked) = self.parked.get_mut(&key) else {
                continue;
            };
            for lapsed in parked.extract_if(.., |parked| parked.until <= until) {
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
