use std::{fmt, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbus_core::{Entropy, TenantId};

use super::AddressGuard;

/// A key of the host's that keys of single secrets are wrapped with.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    key: [u8; 32],
}

/// The id of a master key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of a master key must be 1 to 64 characters of a-z, A-Z, 0-9, '.', '_' or '-'")]
#[non_exhaustive]
pub struct MasterKeyError;

impl MasterKey {
    /// A key of 256 random bits, and the id by which it is found again after a rotation.
    ///
    /// # Errors
    /// When the id is empty, too long, or has another character.
    pub fn new(id: impl Into<String>, key: [u8; 32]) -> Result<Self, MasterKeyError> {
        let id = id.into();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) {
            return Err(MasterKeyError);
        }
        Ok(Self { id, key })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}…)", self.id)
    }
}

/// Seals secrets: each with a key of its own (AES-256-GCM, NIST SP 800-38D), and that with the master key
/// of the host. Cheap to clone.
///
/// What is sealed is bound to its place: moved to another tenant or name, it does not open.
#[derive(Clone)]
pub struct Vault {
    current: MasterKey,
    previous: Vec<MasterKey>,
    entropy: Arc<Entropy>,
    guard: AddressGuard,
}

/// Why something sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is not what [`Vault::seal`] made.
    #[error("it is not sealed by this library, or damaged")]
    Damaged,
    /// The master key it was sealed under is not known.
    #[error("the master key it was sealed under is not known: give it as a previous one")]
    UnknownMaster,
}

/// What is kept. The numbers are base64.
#[derive(Serialize, Deserialize)]
struct Sealed {
    version: u8,
    master: String,
    key_nonce: String,
    key: String,
    nonce: String,
    text: String,
}

const VERSION: u8 = 1;

impl Vault {
    /// Seals under this key.
    #[must_use]
    pub fn new(current: MasterKey) -> Self {
        Self {
            current,
            previous: Vec::new(),
            entropy: Arc::new(Entropy::from_os()),
            guard: AddressGuard::new(),
        }
    }

    /// Opens what was sealed under this key, too: the one before the last rotation.
    #[must_use]
    pub fn previous(mut self, key: MasterKey) -> Self {
        self.previous.push(key);
        self
    }

    /// Sets who judges the hosts of accounts.
    #[must_use]
    pub fn with_guard(mut self, guard: AddressGuard) -> Self {
        self.guard = guard;
        self
    }

    /// Who judges the hosts of accounts.
    #[must_use]
    pub fn guard(&self) -> &AddressGuard {
        &self.guard
    }

    /// Seals a secret for this place.
    #[must_use]
    pub fn seal(&self, place: &str, secret: &[u8]) -> Value {
        let mut key = [0; 32];
        self.entropy.fill(&mut key);
        let (nonce, text) = self.encrypt(&key, place, secret);
        self.wrap(place, &key, nonce, text)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// When it was sealed for another place, under a master key that is not known, or is damaged.
    pub fn open(&self, place: &str, sealed: &Value) -> Result<Vec<u8>, OpenError> {
        let sealed = read(sealed)?;
        let key = self.unwrap(place, &sealed)?;
        decrypt(&key, place, &sealed.nonce, &sealed.text)
    }

    /// Wraps the key of a secret with the current master key; the secret itself is not opened. None when
    /// it is so already.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn rewrap(&self, place: &str, sealed: &Value) -> Result<Option<Value>, OpenError> {
        let sealed = read(sealed)?;
        if sealed.master == self.current.id {
            return Ok(None);
        }
        let key = self.unwrap(place, &sealed)?;
        Ok(Some(self.wrap(place, &key, sealed.nonce, sealed.text)))
    }

    fn wrap(&self, place: &str, key: &[u8; 32], nonce: String, text: String) -> Value {
        let around = around(place, &self.current.id);
        let (key_nonce, wrapped) = self.encrypt(&self.current.key, &around, key);
        let sealed = Sealed {
            version: VERSION,
            master: self.current.id.clone(),
            key_nonce,
            key: wrapped,
            nonce,
            text,
        };
        serde_json::to_value(sealed).unwrap_or_default()
    }

    fn unwrap(&self, place: &str, sealed: &Sealed) -> Result<[u8; 32], OpenError> {
        let master = std::iter::once(&self.current)
            .chain(&self.previous)
            .find(|master| master.id == sealed.master)
            .ok_or(OpenError::UnknownMaster)?;
        let around = around(place, &master.id);
        let key = decrypt(&master.key, &around, &sealed.key_nonce, &sealed.key)?;
        key.try_into().map_err(|_| OpenError::Damaged)
    }

    /// A random nonce and the text, both in base64. Keys of secrets are used once; the master key is used
    /// with random nonces, which will do for 2^32 of them.
    #[expect(clippy::expect_used, reason = "texts of up to 64 GiB can be encrypted")]
    fn encrypt(&self, key: &[u8; 32], around: &str, plain: &[u8]) -> (String, String) {
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut text = plain.to_vec();
        cipher(key)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(around.as_bytes()),
                &mut text,
            )
            .expect("it is short enough");
        (BASE64_STANDARD.encode(nonce), BASE64_STANDARD.encode(text))
    }
}

impl fmt::Debug for Vault {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("current", &self.current)
            .field("previous", &self.previous)
            .finish_non_exhaustive()
    }
}

/// The place of an account.
#[must_use]
pub fn place_of(tenant: &TenantId, account: &str) -> String {
    format!("account/{tenant}/{account}")
}

fn around(place: &str, master: &str) -> String {
    format!("key/{master}/{place}")
}

#[expect(clippy::expect_used, reason = "the key has 32 bytes")]
fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key of 32 bytes"))
}

fn decrypt(key: &[u8; 32], around: &str, nonce: &str, text: &str) -> Result<Vec<u8>, OpenError> {
    let bytes = |text: &str| BASE64_STANDARD.decode(text).map_err(|_| OpenError::Damaged);
    let nonce: [u8; NONCE_LEN] = bytes(nonce)?.try_into().map_err(|_| OpenError::Damaged)?;
    let mut text = bytes(text)?;
    let plain = cipher(key)
        .open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(around.as_bytes()),
            &mut text,
        )
        .map_err(|_| OpenError::Damaged)?;
    Ok(plain.to_vec())
}

fn read(sealed: &Value) -> Result<Sealed, OpenError> {
    let sealed = Sealed::deserialize(sealed).map_err(|_| OpenError::Damaged)?;
    if sealed.version == VERSION {
        Ok(sealed)
    } else {
        Err(OpenError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(id: &str, byte: u8) -> MasterKey {
        MasterKey::new(id, [byte; 32]).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_only() {
        let vault = Vault::new(master("2026", 1));
        let sealed = vault.seal("account/acme/mail", b"secret");
        assert_eq!(vault.open("account/acme/mail", &sealed).unwrap(), b"secret");
        assert_eq!(
            vault.open("account/other/mail", &sealed),
            Err(OpenError::Damaged)
        );
        assert!(!sealed.to_string().contains("secret"));
        assert_ne!(sealed, vault.seal("account/acme/mail", b"secret"));
        let other = Vault::new(master("2026", 2));
        assert_eq!(
            other.open("account/acme/mail", &sealed),
            Err(OpenError::Damaged)
        );
    }

    #[test]
    fn nothing_of_it_can_be_changed() {
        let vault = Vault::new(master("2026", 1));
        let sealed = vault.seal("a", b"secret");
        for field in ["master", "key_nonce", "key", "nonce", "text"] {
            let mut changed = sealed.clone();
            let text = changed[field].as_str().unwrap();
            let first = if text.starts_with('A') { "B" } else { "A" };
            changed[field] = format!("{first}{}", &text[1..]).into();
            assert!(vault.open("a", &changed).is_err(), "{field}");
        }
        assert_eq!(vault.open("a", &Value::Null), Err(OpenError::Damaged));
    }

    #[test]
    fn a_rotation_wraps_anew_and_then_the_old_key_may_go() {
        let old = Vault::new(master("2026", 1));
        let sealed = old.seal("a", b"secret");
        let both = Vault::new(master("2027", 2)).previous(master("2026", 1));
        assert_eq!(both.open("a", &sealed).unwrap(), b"secret");
        let wrapped = both.rewrap("a", &sealed).unwrap().unwrap();
        assert_eq!(wrapped["text"], sealed["text"]);
        assert_eq!(both.rewrap("a", &wrapped).unwrap(), None);
        let new = Vault::new(master("2027", 2));
        assert_eq!(new.open("a", &wrapped).unwrap(), b"secret");
        assert_eq!(new.open("a", &sealed), Err(OpenError::UnknownMaster));
    }

    #[test]
    fn nothing_prints_a_key() {
        let vault = Vault::new(master("2026", 77)).previous(master("2025", 78));
        let shown = format!("{vault:?}");
        assert!(shown.contains("2026") && !shown.contains("77") && !shown.contains("78"));
    }
}
