use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use super::row::{ReceiptKey, Row};
use crate::{
    clock::{Timestamp, later},
    name::{ProviderName, TenantId},
    store::{Position, Receipt, ReceiptTarget},
};

/// How long a receipt waits for its message.
const PARKED_FOR: Duration = Duration::from_hours(72);

/// What is known about receipts beside the deliveries they reached.
#[derive(Debug, Clone, Default)]
pub(super) struct Receipts {
    pub(super) seen: HashSet<ReceiptKey>,
    pub(super) messages: BTreeMap<Account, HashMap<String, Position>>,
    parked: HashMap<ParkedKey, Vec<Parked>>,
    /// When each parked receipt is forgotten.
    deadlines: BTreeMap<(Timestamp, u64), ParkedKey>,
    parked_so_far: u64,
}

type Account = (TenantId, ProviderName);

type ParkedKey = (Option<TenantId>, ReceiptTarget);

/// A receipt whose message is not known yet; numbered in the order of arrival.
#[derive(Debug, Clone)]
struct Parked {
    until: Timestamp,
    number: u64,
    receipt: Receipt,
}

impl Receipts {
    /// The delivery of a message that this provider took.
    pub(super) fn position_of(&self, receipt: &Receipt, message: &str) -> Option<Position> {
        let provider = &receipt.provider;
        if let Some(tenant) = &receipt.tenant {
            let account = (tenant.clone(), provider.clone());
            return self.messages.get(&account)?.get(message).copied();
        }
        let of_provider = self
            .messages
            .iter()
            .filter(|((_, name), _)| name == provider);
        of_provider
            .filter_map(|(_, messages)| messages.get(message).copied())
            .max()
    }

    pub(super) fn are_parked(&self) -> bool {
        !self.parked.is_empty()
    }

    /// Forgets the receipts of a delivery that is forgotten.
    pub(super) fn forget(&mut self, position: Position, row: &Row) {
        for key in row.receipts.iter().flat_map(|receipts| &receipts.keys) {
            self.seen.remove(key);
        }
        self.forget_message(position, row);
    }

    /// Forgets that a receipt came, so that it may come again.
    pub(super) fn forget_seen(&mut self, receipt: &Receipt) {
        self.seen.remove(&key_of(receipt));
    }

    /// Forgets what the provider calls the message of a delivery.
    pub(super) fn forget_message(&mut self, position: Position, row: &Row) {
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

    pub(super) fn park(&mut self, receipt: Receipt, now: Timestamp) {
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
    pub(super) fn unpark(&mut self, row: &Row) -> Vec<Receipt> {
        let mut taken = Vec::new();
        for tenant in [Some(row.tenant().clone()), None] {
            let key = (tenant, ReceiptTarget::Delivery(row.id));
            taken.extend(self.take(key.clone(), |_| true));
            if let (Some(provider), Some(message)) = (&row.provider, &row.provider_message_id) {
                let key = (key.0, ReceiptTarget::Message(message.clone()));
                taken.extend(self.take(key, |receipt| receipt.provider == *provider));
            }
        }
        taken.sort_by_key(|parked| parked.number);
        taken.into_iter().map(|parked| parked.receipt).collect()
    }

    fn take(&mut self, key: ParkedKey, is_meant: impl Fn(&Receipt) -> bool) -> Vec<Parked> {
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

    pub(super) fn forget_parked(&mut self, now: Timestamp) {
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

pub(super) fn key_of(receipt: &Receipt) -> ReceiptKey {
    (
        receipt.tenant.clone(),
        receipt.provider.clone(),
        receipt.id.clone(),
    )
}
