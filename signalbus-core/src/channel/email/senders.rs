use std::collections::BTreeMap;

use super::{EmailAddress, Mailbox, domain};
use crate::{
    channel::{Address as _, AddressError},
    name::TenantId,
};

/// Whom mails may come from.
#[derive(Debug, Clone)]
pub(super) struct Senders {
    /// Of tenants that have none of their own.
    shared: Sender,
    own: BTreeMap<TenantId, Sender>,
}

/// The sender of some tenants' mails, and those that their events may name in its place.
#[derive(Debug, Clone)]
struct Sender {
    mailbox: Mailbox,
    allowed: Vec<Allowed>,
}

#[derive(Debug, Clone)]
enum Allowed {
    Domain(String),
    Address(EmailAddress),
}

impl Senders {
    pub(super) fn new(mailbox: Mailbox) -> Self {
        Self {
            shared: Sender::new(mailbox),
            own: BTreeMap::new(),
        }
    }

    /// Who sends the mails of a tenant, unless an event says otherwise.
    pub(super) fn of(&self, tenant: &TenantId) -> &Mailbox {
        &self.sender(tenant).mailbox
    }

    /// Whether an event of this tenant may name it.
    pub(super) fn may_name(&self, tenant: &TenantId, mailbox: &Mailbox) -> bool {
        let sender = self.sender(tenant);
        let address = mailbox.address();
        let is = |allowed: &Allowed| match allowed {
            Allowed::Domain(domain) => address.domain() == domain,
            Allowed::Address(allowed) => allowed == address,
        };
        sender.mailbox.address() == address || sender.allowed.iter().any(is)
    }

    pub(super) fn set(&mut self, tenant: TenantId, mailbox: Mailbox) {
        match self.own.get_mut(&tenant) {
            Some(sender) => sender.mailbox = mailbox,
            None => {
                self.own.insert(tenant, Sender::new(mailbox));
            }
        }
    }

    /// Of all tenants without a sender of their own.
    pub(super) fn allow(&mut self, which: &str) -> Result<(), AddressError> {
        self.shared.allowed.push(Allowed::parse(which)?);
        Ok(())
    }

    /// Of a tenant; one without a sender of its own gets the shared one for its own.
    pub(super) fn allow_for(&mut self, tenant: TenantId, which: &str) -> Result<(), AddressError> {
        let allowed = Allowed::parse(which)?;
        let shared = &self.shared.mailbox;
        let own = self.own.entry(tenant);
        own.or_insert_with(|| Sender::new(shared.clone()))
            .allowed
            .push(allowed);
        Ok(())
    }

    fn sender(&self, tenant: &TenantId) -> &Sender {
        self.own.get(tenant).unwrap_or(&self.shared)
    }
}

impl Sender {
    fn new(mailbox: Mailbox) -> Self {
        let allowed = Vec::new();
        Self { mailbox, allowed }
    }
}

impl Allowed {
    /// An address, or a domain behind an `@`.
    fn parse(which: &str) -> Result<Self, AddressError> {
        match which.strip_prefix('@') {
            Some(name) => domain::parse(name).map(Self::Domain),
            None => EmailAddress::parse(which).map(Self::Address),
        }
    }
}
