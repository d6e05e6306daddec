//! What providers call back with, before it is recorded.

use std::{error::Error, fmt};

use async_trait::async_trait;

use crate::{
    clock::Timestamp,
    id::DeliveryId,
    name::{ChannelName, ProviderName, TenantId},
    store::{AddressHash, Bounce, Cause, Receipt, ReceiptKind, ReceiptTarget, Scope, Suppression},
};

/// Reads what one provider account calls back with: it verifies, and says what was said. It stores
/// nothing; who calls it records what it read, and then confirms.
///
/// Framework-free: any web framework can hand it the raw request.
#[async_trait]
pub trait ReceiptSource: fmt::Debug + Send + Sync + 'static {
    /// The name of the provider whose messages it is about, as
    /// [`Provider::name`](super::Provider::name).
    fn provider(&self) -> &ProviderName;

    /// Verifies a request and reads it.
    ///
    /// To be correct it must: verify the raw bytes before it reads them; compare in constant time;
    /// keep statements it does not understand as [`ReceiptKind::Other`]; put neither address nor
    /// secret into an error.
    ///
    /// # Errors
    /// When the request is not from the provider, is too old, was used before, or cannot be read.
    async fn read(&self, request: &Callback<'_>) -> Result<Heard, CallbackError>;

    /// What to answer with beside a 2xx status: media type and body, for providers that expect more
    /// than a status.
    fn reply(&self, heard: &Heard) -> Option<(&'static str, String)> {
        let _ = heard;
        None
    }

    /// What it read of this request is recorded for good. A source with single-use tokens marks the
    /// token as used here and not earlier, or a retry after a failure of ours looks like a replay.
    async fn recorded(&self, request: &Callback<'_>) {
        let _ = request;
    }
}

/// One request as it came in.
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// The method, such as `POST`.
    pub method: &'a str,
    /// The raw path and query, such as `/receipts/twilio/k3y?d=…`: percent-encoded as it came.
    pub target: &'a str,
    /// The headers, names in any case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The raw body.
    pub body: &'a [u8],
}

impl<'a> Callback<'a> {
    /// The first header of this name, if it is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The query, without its question mark.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}

impl fmt::Debug for Callback<'_> {
    /// Shows no target, header or body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What a request said.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Heard {
    /// About messages of ours.
    pub reports: Vec<Report>,
    /// A message to us.
    pub inbound: Option<Inbound>,
}

impl Heard {
    /// A statement about a message.
    #[must_use]
    pub fn report(report: Report) -> Self {
        Self {
            reports: vec![report],
            inbound: None,
        }
    }

    /// Statements about messages, of a request that tells several. They are recorded together, in one call
    /// of the store.
    #[must_use]
    pub fn reports(reports: impl IntoIterator<Item = Report>) -> Self {
        Self {
            reports: reports.into_iter().collect(),
            inbound: None,
        }
    }

    /// A message to us.
    #[must_use]
    pub fn inbound(inbound: Inbound) -> Self {
        Self {
            reports: Vec::new(),
            inbound: Some(inbound),
        }
    }
}

/// What a provider says about one message, in full. [`Report::receipt`] is what of it is recorded,
/// [`Report::suppression`] what follows for its address.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Whose message it is, when the provider tells our word for it back.
    pub tenant: Option<TenantId>,
    /// The delivery, when the provider tells our reference back.
    pub delivery: Option<DeliveryId>,
    /// Counts redrives, from zero, as in [`Delivery::reference`](super::Delivery::reference).
    pub generation: u32,
    /// The provider's name for the message.
    pub message: Option<String>,
    /// What is said.
    pub kind: ReceiptKind,
    /// The provider's own id of this statement, or one derived from what makes it unique.
    pub id: String,
    /// When it happened, by the provider.
    pub occurred_at: Option<Timestamp>,
    /// The provider's code, such as `30003` or `550`.
    pub code: Option<String>,
    /// The provider's word for why. Free of addresses and content.
    pub detail: Option<String>,
    /// Whether a failure is for good.
    pub bounce: Option<Bounce>,
    /// Whom it is about, as the provider writes it.
    pub address: Option<String>,
    /// Which of our senders it is about, when the provider's consequence is limited to it.
    pub sender: Option<String>,
    /// Whether a machine did it: an opening or a click by a scanner.
    pub by_machine: bool,
    /// Why nothing should be sent to the address any more.
    pub suppress: Option<Cause>,
}

impl Report {
    /// A statement of this kind, under this id.
    #[must_use]
    pub fn new(kind: ReceiptKind, id: impl Into<String>) -> Self {
        Self {
            tenant: None,
            delivery: None,
            generation: 0,
            message: None,
            kind,
            id: id.into(),
            occurred_at: None,
            code: None,
            detail: None,
            bounce: None,
            address: None,
            sender: None,
            by_machine: false,
            suppress: None,
        }
    }

    /// What is recorded; none when the message is not said. The address is not suppressed by it: it
    /// may be that of somebody who got a copy; see [`Report::suppression`].
    #[must_use]
    pub fn receipt(&self, provider: &ProviderName, tenant: &TenantId) -> Option<Receipt> {
        let target = match (self.delivery, &self.message) {
            (Some(id), _) => ReceiptTarget::Delivery(id),
            (None, Some(message)) => ReceiptTarget::Message(message.clone()),
            (None, None) => return None,
        };
        let tenant = self.tenant.as_ref().unwrap_or(tenant).clone();
        let (provider, kind) = (provider.clone(), self.kind.clone());
        let mut receipt = Receipt::new(tenant, provider, target, kind, &self.id);
        receipt.occurred_at = self.occurred_at;
        receipt.code.clone_from(&self.code);
        receipt.detail.clone_from(&self.detail);
        receipt.bounce = self.bounce;
        Some(receipt)
    }

    /// What follows for `address`, the hash of [`Report::address`]; none when nothing does. `scope` says what
    /// is not sent to it any more.
    #[must_use]
    pub fn suppression(
        &self,
        tenant: &TenantId,
        channel: &ChannelName,
        address: AddressHash,
        scope: Scope,
    ) -> Option<Suppression> {
        let cause = self.suppress.clone()?;
        let mut suppression =
            Suppression::new(tenant.clone(), channel.clone(), address, cause).within(scope);
        suppression.code.clone_from(&self.code);
        suppression.as_of = self.occurred_at;
        Some(suppression)
    }
}

impl fmt::Debug for Report {
    /// Shows no address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("delivery", &self.delivery)
            .field("generation", &self.generation)
            .field("message", &self.message)
            .field("kind", &self.kind)
            .field("code", &self.code)
            .field("detail", &self.detail)
            .field("bounce", &self.bounce)
            .field("suppress", &self.suppress)
            .finish_non_exhaustive()
    }
}

/// A message to us.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inbound {
    /// The provider's name for it.
    pub id: String,
    /// Who wrote, as the provider writes it.
    pub from: String,
    /// Which of our senders they wrote to.
    pub to: String,
    /// What they wrote.
    pub text: String,
    /// What they want by the rules of the channel.
    pub intent: Intent,
    /// Whether the provider answers by itself, so that we must not.
    pub answered: bool,
}

/// What the writer of an inbound message wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Intent {
    /// No more messages from this sender.
    Stop,
    /// Messages again.
    Start,
    /// To know who sends, and how to stop.
    Help,
    /// Something else: it is for the host.
    Other,
}

impl Inbound {
    /// A message without an intent that the channel knows.
    #[must_use]
    pub fn new(
        id: impl Into<String>,
        from: impl Into<String>,
        to: impl Into<String>,
        text: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            from: from.into(),
            to: to.into(),
            text: text.into(),
            intent: Intent::Other,
            answered: false,
        }
    }
}

impl fmt::Debug for Inbound {
    /// Shows neither addresses nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbound")
            .field("id", &self.id)
            .field("intent", &self.intent)
            .finish_non_exhaustive()
    }
}

/// Why a request of a provider was not taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallbackError {
    /// It is not signed, or not by the provider.
    Forged,
    /// It was signed too long ago, or in the future.
    Stale,
    /// Its token was used before, with another content.
    Replayed,
    /// It is from the provider, but cannot be read.
    Malformed(Box<dyn Error + Send + Sync>),
    /// It is of a kind that this source does not take.
    Unsupported,
    /// It cannot be judged now: the provider should come again.
    Unavailable(Box<dyn Error + Send + Sync>),
}

impl CallbackError {
    /// The name in logs and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Stale => "stale",
            Self::Replayed => "replayed",
            Self::Malformed(_) => "malformed",
            Self::Unsupported => "unsupported",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forged => "the request is not signed by the provider",
            Self::Stale => "the request was signed too long ago, or in the future",
            Self::Replayed => "the token of the request was used before",
            Self::Malformed(_) => "the request cannot be read",
            Self::Unsupported => "the request is of a kind that is not taken here",
            Self::Unavailable(_) => "the request cannot be judged now",
        })
    }
}

impl Error for CallbackError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Malformed(source) | Self::Unavailable(source) => Some(&**source),
            _ => None,
        }
    }
}
