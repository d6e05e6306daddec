use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{AddressHash, LaneId, SpaceId};
use crate::name::{ChannelName, TenantId};

/// Stands for a person of a tenant, without telling who: the first 16 bytes of SHA-256 over tenant,
/// NUL, and the application's id of the person; where there is no id, the hash of the address, mixed
/// with the tenant. Its first half decides the lane. Persisted: never change it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecipientKey(pub [u8; 16]);

impl RecipientKey {
    /// Somebody without an id, who is known by an address alone. Mixes the tenant into the hash of
    /// the address (FNV-1a with its prime for 128 bits): two tenants must not wait for each other.
    #[must_use]
    pub fn of_address(tenant: &TenantId, address: AddressHash) -> Self {
        const PRIME: u128 = (1 << 88) | 0x13b;
        let start = u128::from_be_bytes(address.0);
        let mixed = tenant.as_str().bytes().fold(start, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(PRIME)
        });
        Self(mixed.to_be_bytes())
    }

    /// Hashes the application's id of the person.
    #[must_use]
    pub fn of(tenant: &TenantId, who: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(tenant.as_str());
        hasher.update([0]);
        hasher.update(who);
        let digest: [u8; 32] = hasher.finalize().into();
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Self(first)
    }

    /// The first half: what lanes and orders are derived from.
    #[must_use]
    pub const fn half(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// The number of its lane, of `lanes` in all; `lanes` of zero counts as one.
    #[must_use]
    pub fn number(self, lanes: u16) -> u16 {
        u16::try_from(self.half() % u64::from(lanes.max(1))).unwrap_or(0)
    }

    /// The lane of a delivery on this channel, of `lanes` in all. What has no channel is never
    /// sent: its lane is nobody's.
    #[must_use]
    pub fn lane(self, channel: Option<&ChannelName>, lanes: u16) -> LaneId {
        let space = channel.map_or(SpaceId::NOBODYS, SpaceId::send);
        space.lane(self.number(lanes))
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientKey({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// One recipient of a [`NewEvent`](super::NewEvent): a row of its own, so that a person can be found
/// and forgotten.
#[derive(Clone, PartialEq, Eq)]
pub struct NewRecipient {
    /// Who it is.
    pub key: RecipientKey,
    /// The engine's own record of the recipient: addresses, name, data. Opaque to stores; carries
    /// its own version.
    pub content: Bytes,
}

impl fmt::Debug for NewRecipient {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecipient")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A recipient as the store gives it back.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredRecipient {
    /// Who it is.
    pub key: RecipientKey,
    /// [`NewRecipient::content`]; none when it was erased.
    pub content: Option<Bytes>,
}

impl From<NewRecipient> for StoredRecipient {
    fn from(new: NewRecipient) -> Self {
        Self {
            key: new.key,
            content: Some(new.content),
        }
    }
}

impl fmt::Debug for StoredRecipient {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredRecipient")
            .field("key", &self.key)
            .field("erased", &self.content.is_none())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Persisted: computed with another program
    /// (`printf 'acme\0ada' | sha256sum | cut -c1-32`).
    #[test]
    fn keys_stay_as_they_are() {
        let key = RecipientKey::of(&TenantId::new("acme").unwrap(), "ada");
        let hex: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "378ee62804d0f493ce25a9a8c4d875b6");
        assert_eq!(format!("{:016x}", key.half()), hex[..16]);
        // Computed in Python.
        let tenant = TenantId::new("acme").unwrap();
        let key = RecipientKey::of_address(&tenant, AddressHash([7; 16]));
        let hex: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5d1fc55168b4b4b4b4b4b58f1b7ee0cd");
    }
}
