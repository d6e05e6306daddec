//! What a mail carries so that its bounce can be told from a forged one.

use ring::hmac;
use signalbus_core::{
    channel::Address, channel::email::EmailAddress, id::DeliveryId, name::TenantId,
};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::base32;

/// 30 bytes, 48 characters: a delivery, its generation, a tag of whom it was for, and the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(super) delivery: DeliveryId,
    pub(super) generation: u16,
    pub(super) tag: [u8; 3],
    proof: [u8; 9],
}

/// Characters of a token.
pub(super) const LENGTH: usize = 48;

/// The tag of a mail without copies: whatever comes back is about its recipient.
pub(super) const ANYBODY: [u8; 3] = [0; 3];

impl Token {
    pub(crate) fn new(
        key: &hmac::Key,
        tenant: &TenantId,
        delivery: DeliveryId,
        generation: u32,
        recipient: Option<&EmailAddress>,
    ) -> Self {
        let generation = u16::try_from(generation).unwrap_or(u16::MAX);
        let tag = recipient.map_or(ANYBODY, |address| tag(key, delivery, address.as_str()));
        Self {
            delivery,
            generation,
            tag,
            proof: proof(key, tenant, delivery, generation, tag),
        }
    }

    /// Reads a token; none when it has another form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != LENGTH {
            return None;
        }
        let bytes = base32::decode(text)?;
        let (delivery, rest) = bytes.split_first_chunk::<16>()?;
        let (generation, rest) = rest.split_first_chunk::<2>()?;
        let (tag, rest) = rest.split_first_chunk::<3>()?;
        Some(Self {
            delivery: DeliveryId::from_uuid(Uuid::from_bytes(*delivery)),
            generation: u16::from_be_bytes(*generation),
            tag: *tag,
            proof: rest.try_into().ok()?,
        })
    }

    /// Whether it was made with this key for this tenant.
    pub(super) fn is_of(&self, key: &hmac::Key, tenant: &TenantId) -> bool {
        let expected = proof(key, tenant, self.delivery, self.generation, self.tag);
        self.proof.ct_eq(&expected).into()
    }

    /// Whether it was made for this recipient, as the key of an address has it.
    pub(super) fn is_for(&self, key: &hmac::Key, address: &str) -> bool {
        self.tag == tag(key, self.delivery, address)
    }

    pub(crate) fn text(&self) -> String {
        let delivery = self.delivery.as_uuid().as_bytes();
        let generation = self.generation.to_be_bytes();
        base32::encode(&[&delivery[..], &generation, &self.tag, &self.proof].concat())
    }
}

/// Never [`ANYBODY`].
fn tag(key: &hmac::Key, delivery: DeliveryId, address: &str) -> [u8; 3] {
    let mut context = hmac::Context::with_key(key);
    context.update(b"recipient\0");
    context.update(delivery.as_uuid().as_bytes());
    context.update(address.as_bytes());
    let mac = context.sign();
    [mac.as_ref()[0] | 1, mac.as_ref()[1], mac.as_ref()[2]]
}

fn proof(
    key: &hmac::Key,
    tenant: &TenantId,
    delivery: DeliveryId,
    generation: u16,
    tag: [u8; 3],
) -> [u8; 9] {
    let mut context = hmac::Context::with_key(key);
    context.update(b"delivery\0");
    context.update(delivery.as_uuid().as_bytes());
    context.update(&generation.to_be_bytes());
    context.update(&tag);
    context.update(tenant.as_str().as_bytes());
    let mac = context.sign();
    let mut proof = [0; 9];
    proof.copy_from_slice(&mac.as_ref()[..9]);
    proof
}
