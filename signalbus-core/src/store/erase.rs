use super::{AddressHash, RecipientKey};
use crate::name::TenantId;

/// Forgets who somebody is and what was sent to them, while the fact that it was sent stays.
#[derive(Debug, Clone)]
pub struct Erase {
    /// Whose recipient.
    pub tenant: TenantId,
    /// The keys they had: that of the application's id, and those of their addresses for events that
    /// gave no id.
    pub keys: Vec<RecipientKey>,
    /// Their addresses: whatever was sent there is theirs, whichever id the event gave.
    pub addresses: Vec<AddressHash>,
    /// Who asks, for the history.
    pub actor: String,
    /// At most this many recipients of events in one transaction.
    pub limit: u32,
}

/// What was erased, by table. All is zero when there was nothing, or nothing any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Recipients of events: addresses, name and data.
    pub recipients: u64,
    /// Events of which they were the last recipient: their data.
    pub events: u64,
    /// Open deliveries, which ended `cancelled` for the reason `erased`.
    pub cancelled: u64,
    /// Messages that were kept for a next try.
    pub renderings: u64,
    /// Secrets.
    pub secrets: u64,
    /// Names that providers gave their messages, which may tell an address.
    pub message_ids: u64,
    /// Receipts that waited for their message.
    pub receipts: u64,
    /// Files of events of which they were the last recipient.
    pub files: u64,
    /// Whether more is left than the limit allowed.
    pub more: bool,
}

impl Erased {
    /// With what the next batch erased.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        Self {
            recipients: self.recipients + next.recipients,
            events: self.events + next.events,
            cancelled: self.cancelled + next.cancelled,
            renderings: self.renderings + next.renderings,
            secrets: self.secrets + next.secrets,
            message_ids: self.message_ids + next.message_ids,
            receipts: self.receipts + next.receipts,
            files: self.files + next.files,
            more: next.more,
        }
    }
}
