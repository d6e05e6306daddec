use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Email, EmailAddress, Unsubscribe, UnsubscribeError};
use crate::{
    channel::{Channel, Leaving},
    name::{ChannelName, TenantId},
    store::{AddressHash, Cause, Scope, Suppression},
};

/// Makes the link by which one recipient leaves one category of mails; give it to
/// [`Email::unsubscribe_links`](super::Email::unsubscribe_links).
pub trait UnsubscribeLinks: fmt::Debug + Send + Sync + 'static {
    /// The link; none for what one cannot leave. Pure: the same gives the same.
    fn link(&self, leaving: &Leaving<'_>) -> Option<Unsubscribe>;
}

/// Links that need no table: a token says who leaves what, signed with HMAC-SHA-256 (RFC 2104), so that
/// nobody else can make one. It shows the hash of the address, not the address, and is good for
/// ever: a mail may be opened after years.
///
/// ```
/// use signalbus::channel::{Email, Leaving, email::{SignedLinks, UnsubscribeLinks}};
/// # use signalbus::{TenantId, store::AddressHash, ChannelName};
///
/// let links = SignedLinks::new("https://acme.test/leave/", [7; 32])?;
/// let email = Email::from("Acme <news@acme.test>")?.unsubscribe_links(links.clone());
///
/// // Where the link leads to: on POST, put the answer on the suppression list.
/// # let tenant = TenantId::new("acme")?;
/// # let ada = AddressHash::of(&ChannelName::new("email")?, "ada@example.org");
/// # let link = links.link(&Leaving::new(&tenant, ada, "newsletter")).unwrap();
/// # let token = link.url().rsplit('/').next().unwrap();
/// let suppression = links.read(token).expect("a link of ours");
/// assert_eq!(suppression.scope.category.as_deref(), Some("newsletter"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SignedLinks {
    base: String,
    mailto: Option<EmailAddress>,
    key: [u8; 32],
    earlier: Vec<[u8; 32]>,
}

/// The layout of a token. Mails keep them for ever: never change it, add another.
const LAYOUT: u8 = 1;
const MAC: usize = 16;

impl SignedLinks {
    /// Links that begin with `base`, an `https` URL to which the token is appended, signed with this
    /// key: 256 random bits that nobody else knows.
    ///
    /// # Errors
    /// When `base` is no `https` URL in ASCII, or is too long.
    pub fn new(base: impl Into<String>, key: [u8; 32]) -> Result<Self, UnsubscribeError> {
        let base = base.into();
        Unsubscribe::new(&*base)?;
        Ok(Self {
            base,
            mailto: None,
            key,
            earlier: Vec::new(),
        })
    }

    /// Takes links of an earlier key, too.
    #[must_use]
    pub fn earlier_key(mut self, key: [u8; 32]) -> Self {
        self.earlier.push(key);
        self
    }

    /// Adds an address to write to, for mail programs without one click.
    #[must_use]
    pub fn mailto(mut self, address: EmailAddress) -> Self {
        self.mailto = Some(address);
        self
    }

    /// What the link with this token asks for: an entry for the suppression list. None when it was not
    /// signed by one of the keys. To undo it, take the same off the list.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<Suppression> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (said, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
        let mut keys = std::iter::once(&self.key).chain(&self.earlier);
        if !keys.any(|key| bool::from(sign(key, said).ct_eq(mac))) {
            return None;
        }
        let (address, said) = said.strip_prefix(&[LAYOUT])?.split_first_chunk()?;
        let (length, said) = said.split_first()?;
        let (tenant, category) = said.split_at_checked(usize::from(*length))?;
        let tenant = TenantId::new(std::str::from_utf8(tenant).ok()?).ok()?;
        let category = std::str::from_utf8(category).ok()?;
        let channel = ChannelName::new(Email::NAME).ok()?;
        let entry = Suppression::new(tenant, channel, AddressHash(*address), Cause::Unsubscribed);
        Some(entry.within(Scope::category(category)))
    }
}

impl UnsubscribeLinks for SignedLinks {
    fn link(&self, leaving: &Leaving<'_>) -> Option<Unsubscribe> {
        let tenant = leaving.tenant.as_str();
        let mut said = vec![LAYOUT];
        said.extend(leaving.address.0);
        said.push(u8::try_from(tenant.len()).ok()?);
        said.extend(tenant.as_bytes());
        said.extend(leaving.category.as_bytes());
        said.extend(sign(&self.key, &said));
        let token = URL_SAFE_NO_PAD.encode(&said);
        let mut link = Unsubscribe::new(format!("{}{token}", self.base)).ok()?;
        if let Some(address) = &self.mailto {
            link = link.mailto(address.clone());
        }
        Some(link)
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn sign(key: &[u8; 32], said: &[u8]) -> [u8; MAC] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
    mac.update(said);
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    let mut first = [0; MAC];
    first.copy_from_slice(&whole[..MAC]);
    first
}

impl fmt::Debug for SignedLinks {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedLinks")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> (TenantId, AddressHash) {
        (TenantId::new("acme").unwrap(), AddressHash([9; 16]))
    }

    fn token(links: &SignedLinks) -> String {
        let (tenant, address) = ada();
        let link = links.link(&Leaving::new(&tenant, address, "news letter"));
        let link = link.unwrap();
        link.url()
            .strip_prefix("https://a.test/u?t=")
            .unwrap()
            .to_owned()
    }

    fn links(key: u8) -> SignedLinks {
        SignedLinks::new("https://a.test/u?t=", [key; 32]).unwrap()
    }

    #[test]
    fn a_link_says_who_leaves_what_and_a_new_key_keeps_the_old_links() {
        let (tenant, address) = ada();
        let channel = ChannelName::new("email").unwrap();
        let expected = Suppression::new(tenant, channel, address, Cause::Unsubscribed);
        let expected = expected.within(Scope::category("news letter"));
        let token = token(&links(1));
        assert_eq!(links(1).read(&token), Some(expected.clone()));
        assert_eq!(links(2).earlier_key([1; 32]).read(&token), Some(expected));
        assert_eq!(links(2).read(&token), None);
    }

    #[test]
    fn no_other_link_is_taken() {
        let token = token(&links(1));
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert_eq!(
                links(1).read(&URL_SAFE_NO_PAD.encode(other)),
                None,
                "{place}"
            );
            assert_eq!(
                links(1).read(&URL_SAFE_NO_PAD.encode(&bytes[..place])),
                None
            );
        }
        assert_eq!(links(1).read("no token"), None);
    }
}
