use std::collections::HashSet;

use super::{EmailAddress, EmailMessage, EmailOptions, Mailbox, MailboxError, attachments, domain};
use crate::{
    channel::{AddressError, Channel, Compose, ComposeError, Part, PartKind},
    event::Attachment,
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
    from: Mailbox,
    reply_to: Vec<Mailbox>,
    message_id_domain: String,
    max_body: usize,
}

/// Why the settings of the channel were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailError {
    /// The sender cannot be used.
    #[error("the sender cannot be used")]
    From(#[source] MailboxError),
    /// The mailbox for answers cannot be used.
    #[error("the mailbox for answers cannot be used")]
    ReplyTo(#[source] MailboxError),
    /// The domain for message ids cannot be used.
    #[error("the domain for message ids cannot be used")]
    MessageIdDomain(#[source] AddressError),
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
            message_id_domain: from.address().domain().to_owned(),
            from,
            reply_to: Vec::new(),
            max_body: Self::MAX_BODY,
        }
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
        self.message_id_domain = domain::parse(name).map_err(EmailError::MessageIdDomain)?;
        Ok(self)
    }

    /// Sets how many bytes each body may have.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
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

    fn check_options(&self, options: &EmailOptions) -> Result<(), ComposeError> {
        options.check()
    }

    fn compose(&self, input: Compose<'_, Self>) -> Result<EmailMessage, ComposeError> {
        let Compose { parts, options, .. } = input;
        options.check()?;
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
        Ok(EmailMessage {
            from: self.from.clone(),
            to,
            cc,
            bcc,
            reply_to: reply_to.clone(),
            subject: Self::subject(parts.text(SUBJECT))?,
            html,
            text,
            headers: options.headers.clone(),
            unsubscribe: options.unsubscribe.clone(),
            message_id: format!("<{}@{}>", input.delivery, self.message_id_domain),
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
