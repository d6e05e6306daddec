use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    num::NonZeroU32,
};

use signalbus_core::{
    channel::{Address, sms::PhoneNumber},
    name::TenantId,
};

/// Whom texts are from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sender {
    pub(crate) kind: Kind,
    pub(crate) segments_a_second: Option<NonZeroU32>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A number, a short code or a name.
    From(String),
    /// A messaging service, which picks by itself.
    Service(String),
}

/// A sender that Twilio does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a sender must be a number such as +15005550006, a short code, a name of at most 11 characters, or \
     the SID of a messaging service (MG and 32 hex digits)"
)]
#[non_exhaustive]
pub struct SenderError;

/// Senders that stand for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    tenant: Option<TenantId>,
    prefix: String,
    senders: Vec<Sender>,
}

/// All pools of an account. For each text the most fitting is chosen: that of its tenant before one
/// for all, then the longest prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pools(Vec<Pool>);

impl Sender {
    /// A number, a short code, a name, or the SID of a messaging service.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn new(text: &str) -> Result<Self, SenderError> {
        let text = text.trim();
        let kind = if is_sid(text, "MG") {
            Kind::Service(text.to_owned())
        } else if let Ok(number) = PhoneNumber::parse(text) {
            Kind::From(number.as_str().to_owned())
        } else if is_short_code(text) || is_name(text) {
            Kind::From(text.to_owned())
        } else {
            return Err(SenderError);
        };
        Ok(Self {
            kind,
            segments_a_second: None,
        })
    }

    /// Sets how many segments a second it may send: 1 for a US long code that is not registered, 3 for a
    /// toll-free number, 100 for a short code, by Twilio's defaults. More goes to others of its pool.
    #[must_use]
    pub fn segments_a_second(mut self, segments: NonZeroU32) -> Self {
        self.segments_a_second = Some(segments);
        self
    }
}

impl Pool {
    /// Senders for all tenants and countries.
    #[must_use]
    pub fn new(senders: impl IntoIterator<Item = Sender>) -> Self {
        Self {
            tenant: None,
            prefix: String::new(),
            senders: senders.into_iter().collect(),
        }
    }

    /// Only for numbers that begin like this: `+44`, or `+1204` for a part of a country.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Only for this tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    fn fits(&self, tenant: &TenantId, to: &str) -> bool {
        self.tenant.as_ref().is_none_or(|own| own == tenant) && to.starts_with(&self.prefix)
    }
}

impl Pools {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pool.
    #[must_use]
    pub fn pool(mut self, pool: Pool) -> Self {
        self.0.push(pool);
        self
    }

    /// The senders for a text; none when no pool is for it.
    pub(crate) fn senders(&self, tenant: &TenantId, to: &PhoneNumber) -> &[Sender] {
        let fitting = self.0.iter().filter(|pool| pool.fits(tenant, to.as_str()));
        fitting
            .max_by_key(|pool| (pool.tenant.is_some(), pool.prefix.len()))
            .map_or(&[], |pool| &pool.senders)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Sender> {
        self.0.iter().flat_map(|pool| &pool.senders)
    }

    pub(crate) fn is_usable(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|pool| !pool.senders.is_empty())
    }
}

/// Where in a pool the senders for a recipient begin: the same over processes and time, so that a
/// conversation stays with one number.
pub(crate) fn place(to: &PhoneNumber, count: usize) -> usize {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let hash = hasher.hash_one(to.as_str());
    let count = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
    usize::try_from(hash % count).unwrap_or(0)
}

pub(crate) fn is_sid(text: &str, kind: &str) -> bool {
    text.len() == 34
        && text
            .strip_prefix(kind)
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_short_code(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" &-_.+".contains(&byte);
    (1..=11).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text).unwrap()
    }

    fn from(text: &str) -> Sender {
        Sender::new(text).unwrap()
    }

    #[test]
    fn senders() {
        let service = format!("MG{}", "0".repeat(32));
        for text in ["+1 500 555 0006", "62626", "ACME", &service] {
            Sender::new(text).unwrap();
        }
        for text in [
            "",
            "MG00000000000",
            "5005550006",
            "ACME & Söhne",
            "a\r\nb",
            "way too long a name",
        ] {
            Sender::new(text).unwrap_err();
        }
    }

    #[test]
    fn the_most_fitting_pool_is_chosen() {
        let acme = TenantId::new("acme").unwrap();
        let other = TenantId::new("other").unwrap();
        let pools = Pools::new()
            .pool(Pool::new([from("WORLD")]))
            .pool(Pool::new([from("UK")]).prefix("+44"))
            .pool(Pool::new([from("MOBILE")]).prefix("+447"))
            .pool(Pool::new([from("ACME")]).tenant(acme.clone()))
            .pool(
                Pool::new([from("ACMEDE")])
                    .tenant(acme.clone())
                    .prefix("+49"),
            );
        for (tenant, to, sender) in [
            (&other, "+33612345678", "WORLD"),
            (&other, "+442079460123", "UK"),
            (&other, "+447700900123", "MOBILE"),
            (&acme, "+447700900123", "ACME"),
            (&acme, "+4915112345678", "ACMEDE"),
        ] {
            assert_eq!(pools.senders(tenant, &number(to)), [from(sender)], "{to}");
        }
        let only_uk = Pools::new().pool(Pool::new([from("UK")]).prefix("+44"));
        assert!(only_uk.senders(&acme, &number("+33612345678")).is_empty());
    }

    #[test]
    fn a_recipient_has_the_same_place_every_time() {
        let to = number("+447700900123");
        assert_eq!(place(&to, 5), place(&to, 5));
        assert_eq!(place(&to, 1), 0);
        assert_eq!(place(&to, 0), 0);
        let places: std::collections::BTreeSet<usize> = (100..200)
            .map(|n| place(&number(&format!("+447700900{n}")), 5))
            .collect();
        assert_eq!(places.len(), 5);
    }
}
