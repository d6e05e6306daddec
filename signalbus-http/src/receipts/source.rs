use std::{collections::BTreeMap, fmt, sync::Arc};

use signalbus_core::{
    Channel, TenantId,
    channel::Address,
    name::{ChannelName, NameError},
    provider::{Inbound, ReceiptSource, Report},
    store::{self, AddressHash, hash_address},
};

use crate::ReceiptKey;

/// Where one provider account calls: a source of receipts, the key of its URL, and whose messages it may
/// speak of.
pub struct Endpoint {
    pub(crate) source: Arc<dyn ReceiptSource>,
    pub(crate) key: ReceiptKey,
    pub(crate) channel: ChannelName,
    scope: Scope,
    by_sender: bool,
    senders: BTreeMap<String, TenantId>,
    hash: fn(&ChannelName, &str) -> Option<AddressHash>,
}

/// Whose messages an endpoint may speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// One tenant's, whatever the provider tells back: for an account that the tenant holds the keys of.
    Only(TenantId),
    /// Any tenant's, as the provider tells back; this one's when it tells nothing back. For an account of
    /// the host's own.
    Any(TenantId),
}

impl Endpoint {
    /// An endpoint for messages of channel `C`, of any tenant.
    ///
    /// # Errors
    /// When the channel's name is not one a channel can have.
    pub fn new<C: Channel>(source: impl ReceiptSource, key: ReceiptKey) -> Result<Self, NameError> {
        Ok(Self {
            source: Arc::new(source),
            key,
            channel: ChannelName::new(C::NAME)?,
            scope: Scope::Any(TenantId::default()),
            by_sender: false,
            senders: BTreeMap::new(),
            hash: |channel, text| {
                let address = C::Address::parse(text).ok()?;
                Some(hash_address(channel, &address))
            },
        })
    }

    /// Sets whose messages it may speak of.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Whether who stops one sender hears from the others of the tenant: off unless told otherwise. It
    /// works where the sender of a message is known when it is published, as
    /// [`Channel::sender`] says it; a provider's pool picks later.
    #[must_use]
    pub fn stop_by_sender(mut self, on: bool) -> Self {
        self.by_sender = on;
        self
    }

    /// Says whose sender this is: people who write to it write to this tenant.
    #[must_use]
    pub fn sender(mut self, sender: impl Into<String>, tenant: TenantId) -> Self {
        self.senders.insert(sender.into(), tenant);
        self
    }

    /// Whose message a statement is about; none when the endpoint may not speak of it.
    pub(crate) fn tenant_of<'a>(&'a self, report: &'a Report) -> Option<&'a TenantId> {
        match (&self.scope, &report.tenant) {
            (Scope::Only(own), Some(said)) => (own == said).then_some(own),
            (Scope::Only(own), None) => Some(own),
            (Scope::Any(_), Some(said)) => Some(said),
            (Scope::Any(own), None) => Some(own),
        }
    }

    /// Whom an inbound message is for.
    pub(crate) fn receiver_of(&self, inbound: &Inbound) -> &TenantId {
        match (&self.scope, self.senders.get(&inbound.to)) {
            (Scope::Only(own), _) | (Scope::Any(own), None) => own,
            (Scope::Any(_), Some(tenant)) => tenant,
        }
    }

    /// What is not sent any more to somebody who stopped this sender.
    pub(crate) fn scope_of(&self, sender: Option<&str>) -> store::Scope {
        match sender {
            Some(sender) if self.by_sender => store::Scope::sender(sender),
            _ => store::Scope::default(),
        }
    }

    /// An address as the suppression list has it; none when it is none of the channel's.
    pub(crate) fn hash(&self, address: &str) -> Option<AddressHash> {
        (self.hash)(&self.channel, address)
    }
}

impl fmt::Debug for Endpoint {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("source", &self.source)
            .field("channel", &self.channel)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
