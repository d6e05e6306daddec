use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{After, EndState, FOREVER, NewRecipient, Reason, RecipientKey};
use crate::{
    clock::Timestamp,
    event::{Attachment, Class, Order},
    id::{DeliveryId, EventId},
    name::{ChannelName, PoolName, TenantId, Topic},
};

/// One event with all its deliveries, ready to be stored: all or nothing.
#[derive(Clone)]
pub struct NewEvent {
    /// Its id.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is about.
    pub topic: Topic,
    /// The event that it follows from, of the same tenant.
    pub parent: Option<EventId>,
    /// How urgent it is.
    pub class: Class,
    /// How a repeat is recognised, if it is.
    pub idempotency: Option<IdempotencyRecord>,
    /// The engine's own record of what all recipients share. Opaque to stores; carries its own
    /// version.
    pub content: Bytes,
    /// Its recipients, each with what is theirs alone; deliveries name them by their place. None for
    /// an event that nobody is to hear of.
    pub recipients: Vec<NewRecipient>,
    /// What is needed to send it and for nothing else, such as a code: it comes with claims, is in no
    /// query, and is gone with the end of the last delivery. Opaque to stores.
    pub secret: Option<Bytes>,
    /// Its files.
    pub attachments: Vec<Attachment>,
    /// Its deliveries, in the order of recipients and channels.
    pub deliveries: Vec<NewDelivery>,
}

impl NewEvent {
    /// The bytes of all its files together; see [`Ready::bytes`](super::Ready::bytes).
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        let bytes: usize = self.attachments.iter().map(|file| file.content.len()).sum();
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for NewEvent {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("topic", &self.topic)
            .field("deliveries", &self.deliveries.len())
            .finish_non_exhaustive()
    }
}

/// One delivery of a [`NewEvent`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The place of its recipient in the event.
    pub recipient: u32,
    /// Its channel; none when the policy gave the recipient no route.
    pub channel: Option<ChannelName>,
    /// Decides its lane: the key of its recipient, or of the address where the recipient has no id.
    pub recipient_key: RecipientKey,
    /// Deliveries with the same order key are ordered among themselves.
    pub order_key: u64,
    /// How they are ordered.
    pub order: Order,
    /// For the suppression list.
    pub address: Option<AddressHash>,
    /// Who sends it, as [`Scope::sender`](super::Scope) names it.
    pub sender: Option<String>,
    /// Its category, as [`Scope::category`](super::Scope) names it.
    pub category: Option<String>,
    /// Not before.
    pub send_at: Option<Timestamp>,
    /// Not at or after.
    pub expires_at: Option<Timestamp>,
    /// Set when it ends the moment it is accepted: no route, or an address that cannot be used.
    pub ended: Option<(EndState, Reason)>,
    /// What its history says besides, when it ends at once: why the address cannot be used, say.
    /// Without address or content.
    pub detail: Option<String>,
    /// Which lineup of its channel sends it.
    pub pool: Option<PoolName>,
    /// Waits for another delivery of its event.
    pub after: Option<After>,
    /// Deliveries with the same key may become one message.
    pub gather: Option<GatherKey>,
    /// Whether somebody wants to hear of its end.
    pub watched: bool,
}

impl NewDelivery {
    /// A delivery that nothing else is said about: without channel, unordered, to be sent at once.
    #[must_use]
    pub fn new(id: DeliveryId, recipient: u32, recipient_key: RecipientKey) -> Self {
        Self {
            id,
            recipient,
            channel: None,
            recipient_key,
            order_key: 0,
            order: Order::Unordered,
            address: None,
            sender: None,
            category: None,
            send_at: None,
            expires_at: None,
            ended: None,
            detail: None,
            pool: None,
            after: None,
            gather: None,
            watched: false,
        }
    }

    /// When it may be sent, as one of this event; none for at once. What waits for another delivery
    /// that has not ended yet is due when it stops waiting of itself: at the time said, or when it
    /// expires, or never ([`FOREVER`]).
    #[must_use]
    pub fn due(&self, of: &NewEvent) -> Option<Timestamp> {
        let Some(after) = self.after else {
            return self.send_at;
        };
        let sibling = of.deliveries.iter().find(|one| one.id == after.sibling);
        match sibling {
            Some(sibling) if sibling.ended.is_none() => {
                after.until.or(self.expires_at).or(Some(FOREVER))
            }
            _ => None,
        }
    }
}

/// What deliveries have in common that may become one message: the engine's own, opaque to stores.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GatherKey(pub [u8; 16]);

impl fmt::Debug for GatherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatherKey({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// A key and what it stands for (promise P7).
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// The key: unique per tenant. Stores keep [`hashed`](Self::hashed) only.
    pub key: String,
    /// The content it was first used with.
    pub fingerprint: Fingerprint,
}

impl IdempotencyRecord {
    /// What is kept in the place of the key, as applications put addresses into keys: SHA-256.
    #[must_use]
    pub fn hashed(&self) -> [u8; 32] {
        Sha256::digest(self.key.as_bytes()).into()
    }
}

impl fmt::Debug for IdempotencyRecord {
    /// Shows no key: applications put addresses into them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyRecord")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// SHA-256 over the canonical content of an event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// The first 16 bytes of SHA-256 over channel, NUL and the normal form of an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AddressHash(pub [u8; 16]);

impl AddressHash {
    /// Hashes an address in its normal form.
    #[must_use]
    pub fn of(channel: &ChannelName, normal_form: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(channel.as_str());
        hasher.update([0]);
        hasher.update(normal_form);
        let digest: [u8; 32] = hasher.finalize().into();
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        Self(hash)
    }
}

impl fmt::Debug for AddressHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// What became of one [`NewEvent`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Acceptance {
    /// Stored.
    Accepted,
    /// The key was used before with the same content; this is the event from then.
    Duplicate(StoredEvent),
    /// The key was used before with other content, by this event.
    Conflict(EventId),
}

/// An event as the store gives it back.
#[derive(Clone)]
pub struct StoredEvent {
    /// Its id.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What it is about.
    pub topic: Topic,
    /// How urgent it is.
    pub class: Class,
    /// When it was accepted, by the store's clock.
    pub accepted_at: Timestamp,
    /// [`NewEvent::content`]; empty when it was erased.
    pub content: Bytes,
}

impl fmt::Debug for StoredEvent {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredEvent")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("topic", &self.topic)
            .field("accepted_at", &self.accepted_at)
            .finish_non_exhaustive()
    }
}

/// Moves a consumer's position on a bus in the transaction that stores what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusAdvance {
    /// The position that moves.
    pub position: BusPosition,
    /// Where it must stand before; zero when it was never moved.
    pub expected: u64,
}

/// Where a group of consumers stands on one partition of a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusPosition {
    /// The bus.
    pub bus: String,
    /// The group of consumers.
    pub group: String,
    /// The topic on the bus.
    pub topic: String,
    /// The partition of the topic.
    pub partition: u32,
    /// The next offset to read.
    pub next: u64,
}
