use std::{collections::HashSet, sync::Arc};

use super::{
    EmailAddress, EmailMessage, EmailOptions, Mailbox, MailboxError, Unsubscribe, UnsubscribeLinks,
    attachments, domain, senders::Senders,
};
use crate::{
    channel::{AddressError, Channel, Compose, ComposeError, Leaving, Part, PartKind},
    event::Attachment,
    name::{ChannelName, TenantId},
    store::hash_address,
    text,
};

/// The channel for mail: who sends it, and how large it may be.
///
/// A mail is made of the template parts `subject.txt`, `body.html` and `body.txt`; the subject and
/// at least one body must be there.
///
/// ```
/// use signalbus::channel::Email;
///
/// let email = Email::from("Acme <hello@acme.test>")?.reply_to("support@acme.test")?;
/// # Ok::<_, signalbus::channel::email::EmailError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Email {
    senders: Senders,
    reply_to: Vec<Mailbox>,
    message_id_domain: Option<String>,
    links: Option<Arc<dyn UnsubscribeLinks>>,
    max_body: usize,
}

/// Why the settings of the channel were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailError {
    /// The sender cannot be used.
    #[error("the sender cannot be used: {0}")]
    From(MailboxError),
    /// What was to be allowed as a sender is neither an address nor a domain behind an `@`.
    #[error("a sender to allow is an address, or a domain written as `@acme.test`: {0}")]
    Allowed(AddressError),
    /// The mailbox for answers cannot be used.
    #[error("the mailbox for answers cannot be used: {0}")]
    ReplyTo(MailboxError),
    /// The domain for message ids cannot be used.
    #[error("the domain for message ids cannot be used: {0}")]
    MessageIdDomain(AddressError),
}

impl Email {
    /// The longest subject in bytes: what a line may have (RFC 5322 section 2.1.1).
    pub const MAX_SUBJECT: usize = 998;
    /// The bytes that each body may have unless [`Email::max_body`] says otherwise: 2 MiB.
    pub const MAX_BODY: usize = 2 * 1024 * 1024;

    /// Mail from this mailbox, such as `Acme <hello@acme.test>`.
    ///
    /// # Errors
    /// When the address or the name cannot be used.
    pub fn from(mailbox: &str) -> Result<Self, EmailError> {
        mailbox
            .parse()
            .map(Self::from_mailbox)
            .map_err(EmailError::From)
    }

    /// Mail from this mailbox.
    #[must_use]
    pub fn from_mailbox(from: Mailbox) -> Self {
        Self {
            senders: Senders::new(from),
            reply_to: Vec::new(),
            message_id_domain: None,
            links: None,
            max_body: Self::MAX_BODY,
        }
    }

    /// Mails of this tenant come from a mailbox of its own.
    ///
    /// # Errors
    /// When the address or the name cannot be used.
    pub fn for_tenant(mut self, tenant: TenantId, mailbox: &str) -> Result<Self, EmailError> {
        let mailbox = mailbox.parse().map_err(EmailError::From)?;
        self.senders.set(tenant, mailbox);
        Ok(self)
    }

    /// Events of tenants without a sender of their own may name this one in their options: an address,
    /// or a whole domain behind an `@`, as `@acme.test`. One that nobody allowed is refused when the
    /// event is published: who may publish could write in anybody's name otherwise.
    ///
    /// ```
    /// use signalbus::{Event, Idempotency, TenantId, channel::{Email, email::EmailOptions}};
    ///
    /// let email = Email::from("Acme <hello@acme.test>")?
    ///     .allow("billing@acme.test")?
    ///     .for_tenant(TenantId::new("globex")?, "Globex <post@globex.test>")?;
    /// let billing = EmailOptions::new().from("Acme Billing <billing@acme.test>".parse()?);
    /// let event = Event::new("invoice.paid", Idempotency::None).options::<Email>(&billing)?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When it is neither an address nor a domain.
    pub fn allow(mut self, which: &str) -> Result<Self, EmailError> {
        self.senders.allow(which).map_err(EmailError::Allowed)?;
        Ok(self)
    }

    /// Events of this tenant may name this sender; the same as [`Email::allow`], which does not hold
    /// for a tenant once this was said for it.
    ///
    /// # Errors
    /// When it is neither an address nor a domain.
    pub fn allow_for(mut self, tenant: TenantId, which: &str) -> Result<Self, EmailError> {
        let allowed = self.senders.allow_for(tenant, which);
        allowed.map_err(EmailError::Allowed)?;
        Ok(self)
    }

    /// Makes for each recipient the link by which they leave the category of the mail
    /// ([`Policy::category`](https://docs.rs/signalbus), say), unless the event has one; mails
    /// without a category have none. Templates see it as `unsubscribe_url`.
    #[must_use]
    pub fn unsubscribe_links(mut self, links: impl UnsubscribeLinks) -> Self {
        self.links = Some(Arc::new(links));
        self
    }

    /// Adds a mailbox that answers go to instead of the sender.
    ///
    /// # Errors
    /// When the address or the name cannot be used.
    pub fn reply_to(mut self, mailbox: &str) -> Result<Self, EmailError> {
        self.reply_to
            .push(mailbox.parse().map_err(EmailError::ReplyTo)?);
        Ok(self)
    }

    /// Sets the domain of message ids; the sender's by default. It should be one of yours.
    ///
    /// # Errors
    /// When it is not a domain name.
    pub fn message_id_domain(mut self, name: &str) -> Result<Self, EmailError> {
        let name = domain::parse(name).map_err(EmailError::MessageIdDomain)?;
        self.message_id_domain = Some(name);
        Ok(self)
    }

    /// Sets how many bytes each body may have.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Whom a mail comes from.
    fn sender_of<'a>(
        &'a self,
        tenant: &TenantId,
        options: &'a EmailOptions,
    ) -> Result<&'a Mailbox, ComposeError> {
        match &options.from {
            None => Ok(self.senders.of(tenant)),
            Some(named) if self.senders.may_name(tenant, named) => Ok(named),
            Some(_) => Err(ComposeError::new(
                "`from` is no sender that this tenant may name: allow it with Email::allow or \
                 Email::allow_for, or leave it out",
            )),
        }
    }

    fn unsubscribe(
        &self,
        tenant: &TenantId,
        to: &EmailAddress,
        category: Option<&str>,
        options: &EmailOptions,
    ) -> Option<Unsubscribe> {
        let made = || {
            let (links, category) = (self.links.as_ref()?, category?);
            let channel = ChannelName::new(Self::NAME).ok()?;
            links.link(&Leaving::new(tenant, hash_address(&channel, to), category))
        };
        options.unsubscribe.clone().or_else(made)
    }

    fn subject(text: &str) -> Result<String, ComposeError> {
        let subject = text.trim_matches(' ');
        if subject.is_empty() {
            return Err(ComposeError::new(format!("`{SUBJECT}` is empty")));
        }
        if subject.len() > Self::MAX_SUBJECT {
            return Err(too_long(SUBJECT, subject.len(), Self::MAX_SUBJECT));
        }
        if let Some(problem) = text::line_problem(subject) {
            return Err(ComposeError::new(format!("`{SUBJECT}` {problem}")));
        }
        Ok(subject.to_owned())
    }

    fn body(&self, part: &str, body: Option<&str>) -> Result<Option<String>, ComposeError> {
        let Some(body) = body else { return Ok(None) };
        if body.len() > self.max_body {
            return Err(too_long(part, body.len(), self.max_body));
        }
        if body.trim().is_empty() {
            return Err(ComposeError::new(format!("`{part}` is empty")));
        }
        if body.contains('\0') {
            return Err(ComposeError::new(format!("`{part}` has a NUL character")));
        }
        Ok(Some(body.to_owned()))
    }
}

const SUBJECT: &str = "subject.txt";
const HTML: &str = "body.html";
const TEXT: &str = "body.txt";

impl Channel for Email {
    const NAME: &'static str = "email";
    const MESSAGE_VERSION: u16 = 1;
    const PARTS: &'static [Part] = &[
        Part {
            name: SUBJECT,
            kind: PartKind::Header,
            required: true,
            one_of: false,
        },
        Part {
            name: HTML,
            kind: PartKind::Html,
            required: false,
            one_of: true,
        },
        Part {
            name: TEXT,
            kind: PartKind::Text,
            required: false,
            one_of: true,
        },
    ];

    type Address = EmailAddress;
    type Options = EmailOptions;
    type Message = EmailMessage;

    fn check_options(&self, tenant: &TenantId, options: &EmailOptions) -> Result<(), ComposeError> {
        options.check()?;
        self.sender_of(tenant, options).map(|_| ())
    }

    fn unsubscribe_url(
        &self,
        tenant: &TenantId,
        to: &EmailAddress,
        category: Option<&str>,
        options: &EmailOptions,
    ) -> Option<String> {
        let link = self.unsubscribe(tenant, to, category, options)?;
        Some(link.url().to_owned())
    }

    fn compose(&self, input: Compose<'_, Self>) -> Result<EmailMessage, ComposeError> {
        let Compose { parts, options, .. } = input;
        options.check()?;
        let from = self.sender_of(input.tenant, options)?;
        attachments::check(input.attachments)?;
        let html = self.body(HTML, parts.get(HTML))?;
        let text = self.body(TEXT, parts.get(TEXT))?;
        if html.is_none() && text.is_none() {
            return Err(ComposeError::new(format!(
                "a mail needs a body; add `{HTML}` or `{TEXT}` to its templates"
            )));
        }
        let to = Mailbox::new(input.recipient.name.as_deref(), input.to.clone())
            .map_err(|error| ComposeError::new(format!("the recipient's name: {error}")))?;
        let reply_to = match options.reply_to.as_slice() {
            [] => &self.reply_to,
            _ => &options.reply_to,
        };
        // Who is named twice gets one mail, and is seen where they were to be seen.
        let mut seen = HashSet::from([to.address().clone()]);
        let mut once = |mailboxes: &[Mailbox]| -> Vec<Mailbox> {
            let new = mailboxes
                .iter()
                .filter(|one| seen.insert(one.address().clone()));
            new.cloned().collect()
        };
        let (cc, bcc) = (once(&options.cc), once(&options.bcc));
        let domain = self.message_id_domain.as_deref();
        let domain = domain.unwrap_or_else(|| from.address().domain());
        Ok(EmailMessage {
            from: from.clone(),
            to,
            cc,
            bcc,
            reply_to: reply_to.clone(),
            subject: Self::subject(parts.text(SUBJECT))?,
            html,
            text,
            headers: options.headers.clone(),
            unsubscribe: self.unsubscribe(input.tenant, input.to, input.category, options),
            message_id: format!("<{}@{domain}>", input.delivery),
            date: input.accepted_at,
            attachments: input.attachments.to_vec(),
        })
    }

    fn copies(&self, message: &EmailMessage) -> Vec<EmailAddress> {
        let copies = message.cc.iter().chain(&message.bcc);
        copies.map(|copy| copy.address().clone()).collect()
    }

    fn retain_copies(&self, message: &mut EmailMessage, keep: &dyn Fn(&EmailAddress) -> bool) {
        message.cc.retain(|copy| keep(copy.address()));
        message.bcc.retain(|copy| keep(copy.address()));
    }

    fn attach(&self, message: &mut EmailMessage, attachments: &[Attachment]) {
        message.attachments = attachments.to_vec();
    }
}

fn too_long(part: &str, bytes: usize, limit: usize) -> ComposeError {
    ComposeError::new(format!(
        "`{part}` has {bytes} bytes; at most {limit} are allowed"
    ))
}
