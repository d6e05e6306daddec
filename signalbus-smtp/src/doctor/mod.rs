//! Whether a sender's DNS says what mailbox providers ask for.

mod dkim;
mod dmarc;
mod report;
mod resolver;
mod spf;

pub use report::{Finding, Level, Report, Topic};
pub use resolver::{ResolveError, Resolver};

use std::net::IpAddr;

use signalbus_core::channel::email::EmailAddress;

use crate::DkimKey;

/// A sender, as [`doctor`] looks at it.
#[derive(Debug, Clone)]
pub struct Sender {
    from: EmailAddress,
    envelope: EmailAddress,
    keys: Vec<DkimKey>,
    hosts: Vec<IpAddr>,
}

impl Sender {
    /// Mail from this address, which is also where bounces go.
    #[must_use]
    pub fn new(from: EmailAddress) -> Self {
        Self {
            envelope: from.clone(),
            from,
            keys: Vec::new(),
            hosts: Vec::new(),
        }
    }

    /// Sets where bounces go.
    #[must_use]
    pub fn envelope(mut self, address: EmailAddress) -> Self {
        self.envelope = address;
        self
    }

    /// Adds a key that signs.
    #[must_use]
    pub fn key(mut self, key: DkimKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Adds an address that mail leaves from, as the receivers see it: your relay's.
    #[must_use]
    pub fn host(mut self, address: IpAddr) -> Self {
        self.hosts.push(address);
        self
    }
}

/// Looks at SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489) of a sender, and whether `From`,
/// envelope and signature are of one domain. Sends nothing.
///
/// What cannot be looked up is reported as such, and the rest is looked at.
///
/// ```
/// use signalbus_smtp::{DkimKey, Sender, doctor};
/// # use signalbus_smtp::{ResolveError, Resolver};
/// # #[derive(Debug)]
/// # struct Dns;
/// # #[async_trait::async_trait]
/// # impl Resolver for Dns {
/// #     async fn txt(&self, _: &str) -> Result<Vec<String>, ResolveError> { Ok(Vec::new()) }
/// # }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let sender = Sender::new("hello@acme.test".parse()?).host("192.0.2.10".parse()?);
/// let report = doctor(&Dns, &sender).await;
/// if !report.is_healthy() {
///     println!("{report}");
/// }
/// # Ok(())
/// # }
/// ```
pub async fn doctor(dns: &dyn Resolver, sender: &Sender) -> Report {
    let mut report = Report::default();
    let spf = spf::look(dns, sender.envelope.domain(), &sender.hosts, &mut report).await;
    let mut signing = Vec::new();
    for key in &sender.keys {
        if dkim::look(dns, key, &mut report).await {
            signing.push(key.domain());
        }
    }
    if sender.keys.is_empty() {
        report.add(
            Level::Problem,
            Topic::Dkim,
            "no key signs: mails are not signed",
        );
    }
    let envelope = spf.then(|| sender.envelope.domain());
    dmarc::look(dns, sender.from.domain(), envelope, &signing, &mut report).await;
    report
}
