//! Where an account is, and how it is used.

use std::time::Duration;

use signalbus_core::{
    channel::email::{EmailAddress, MailboxError},
    name::NameError,
};

use crate::{Auth, ReturnPath, TlsError, TlsOptions};

/// An account on a mail server. As a URL: [`SmtpConfig::from_url`].
///
/// ```
/// use signalbus_smtp::{Auth, SmtpConfig};
///
/// let config = SmtpConfig::new("mail.acme.test")
///     .with_auth(Auth::password("signalbus", "a secret"))
///     .with_hello("app.acme.test");
/// assert_eq!(config.port, 587);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SmtpConfig {
    /// The name of the provider in history, logs and metrics: `smtp` by default.
    pub name: String,
    /// The server's name or address.
    pub host: String,
    /// Its port: 587 by default, 465 with implicit TLS (RFC 8314 section 3.3).
    pub port: u16,
    /// How the connection is secured: `STARTTLS` by default, and never without.
    pub security: Security,
    /// Whom TLS trusts, and who it says we are.
    pub tls: TlsOptions,
    /// How the account signs in: not at all by default.
    pub auth: Auth,
    /// How we call ourselves in `EHLO`: by our address by default (RFC 5321 section 4.1.4).
    pub hello: Option<String>,
    /// Whom bounces go to: the envelope sender, which is the sender of the mail by default.
    pub return_path: Option<EmailAddress>,
    /// Whom bounces go to, and how they are recognised; in place of `return_path`.
    pub bounces: Option<ReturnPath>,
    /// How long each step may take.
    pub deadlines: Deadlines,
    /// How many connections there are, and for how long.
    pub pool: PoolLimits,
}

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Security {
    /// In plain text up to `STARTTLS` (RFC 3207). A server that does not offer it gets nothing.
    #[default]
    StartTls,
    /// TLS from the first byte (RFC 8314 section 3).
    Implicit,
    /// Not at all: mails and passwords can be read on the way. For a server on the same machine.
    Plaintext,
}

/// How long each step of a send may take, on the engine's clock.
///
/// RFC 5321 section 4.5.3.2 asks for five minutes on most. That is for relays, which have nothing
/// better to do than to wait; before `DATA` an early end costs one more try and nothing else. After
/// the final dot it costs a duplicate, so there the ten minutes of the RFC stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadlines {
    /// Finding and reaching the server: 20 s.
    pub connect: Duration,
    /// Negotiating TLS: 20 s.
    pub tls: Duration,
    /// The greeting: 30 s.
    pub greeting: Duration,
    /// `EHLO`, `STARTTLS`, `RSET` and each line of `AUTH`: 30 s.
    pub command: Duration,
    /// `MAIL`: 60 s.
    pub mail: Duration,
    /// Each `RCPT`: 60 s.
    pub recipient: Duration,
    /// `DATA`, up to its 354: 2 min.
    pub data: Duration,
    /// The answer to the final dot: 10 min.
    pub accept: Duration,
    /// The least speed at which the content goes out, in bytes a second: 10,000. It is added to the
    /// time for the final dot.
    pub least_speed: u32,
    /// `QUIT`: 2 s.
    pub goodbye: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            tls: Duration::from_secs(20),
            greeting: Duration::from_secs(30),
            command: Duration::from_secs(30),
            mail: Duration::from_secs(60),
            recipient: Duration::from_secs(60),
            data: Duration::from_secs(120),
            accept: Duration::from_secs(600),
            least_speed: 10_000,
            goodbye: Duration::from_secs(2),
        }
    }
}

impl Deadlines {
    /// The same time for every step.
    #[must_use]
    pub fn all(limit: Duration) -> Self {
        Self {
            connect: limit,
            tls: limit,
            greeting: limit,
            command: limit,
            mail: limit,
            recipient: limit,
            data: limit,
            accept: limit,
            least_speed: u32::MAX,
            goodbye: limit,
        }
    }

    /// For the content of so many bytes, and the answer to it.
    pub(crate) fn content_of(&self, bytes: usize) -> Duration {
        let seconds = bytes as u64 / u64::from(self.least_speed.max(1));
        self.accept.saturating_add(Duration::from_secs(seconds))
    }

    /// Longer than any send takes by these deadlines.
    pub(crate) fn sum(&self) -> Duration {
        let opening = [self.connect, self.tls, self.greeting];
        // Twice EHLO, STARTTLS, three lines of AUTH, RSET.
        let commands = self.command.saturating_mul(7);
        // A connection that turns out to be dead is replaced by a new one.
        let mail = self.mail.saturating_mul(2);
        let rest = [commands, mail, self.recipient, self.data, self.accept];
        let minute = Duration::from_secs(60);
        opening
            .iter()
            .chain(&rest)
            .fold(minute, |sum, step| sum.saturating_add(*step))
    }
}

/// How many connections an account has, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolLimits {
    /// The most at once: 8.
    pub connections: usize,
    /// How long one may be idle before it is closed: 30 s. Servers close earlier or later.
    pub idle: Duration,
    /// How long it may rest before the server is asked whether it is still there: 5 s.
    pub rest: Duration,
    /// How old one may become: 10 min, so that a change of address is followed.
    pub age: Duration,
    /// How many mails go over one: 100.
    pub mails: u32,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            connections: 8,
            idle: Duration::from_secs(30),
            rest: Duration::from_secs(5),
            age: Duration::from_secs(600),
            mails: 100,
        }
    }
}

/// Why an account cannot be set up. Shows no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL has another form.
    #[error(
        "an SMTP URL is written as smtp://user:password@host:587, smtps://… for implicit TLS, or \
         smtp://host?tls=none for no TLS at all; {problem}"
    )]
    Url {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The name is not one a provider can have.
    #[error("the provider name cannot be used")]
    Name(#[source] NameError),
    /// A name of the host or in `EHLO` has a character that a host name cannot have.
    #[error("`{field}` is not a host name")]
    Host {
        /// Which setting.
        field: &'static str,
    },
    /// The user name has a control character, or is empty.
    #[error("the user name is empty or has a control character")]
    User,
    /// The envelope sender cannot be used.
    #[error("the address for bounces cannot be used")]
    ReturnPath(#[source] MailboxError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
}

impl SmtpConfig {
    /// The account on this host: port 587, `STARTTLS`, no sign-in.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self {
            name: "smtp".to_owned(),
            host: host.into(),
            port: 587,
            security: Security::default(),
            tls: TlsOptions::default(),
            auth: Auth::None,
            hello: None,
            return_path: None,
            bounces: None,
            deadlines: Deadlines::default(),
            pool: PoolLimits::default(),
        }
    }

    /// Sets the name of the provider: needed when there are two.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets how the connection is secured, and the port that goes with it.
    #[must_use]
    pub fn with_security(mut self, security: Security) -> Self {
        self.security = security;
        self.port = security.port();
        self
    }

    /// Sets whom TLS trusts, and who it says we are.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsOptions) -> Self {
        self.tls = tls;
        self
    }

    /// Sets how the account signs in.
    #[must_use]
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// Sets how we call ourselves in `EHLO`.
    #[must_use]
    pub fn with_hello(mut self, name: impl Into<String>) -> Self {
        self.hello = Some(name.into());
        self
    }

    /// Sets whom bounces go to.
    #[must_use]
    pub fn with_return_path(mut self, address: EmailAddress) -> Self {
        self.return_path = Some(address);
        self
    }

    /// Sets whom bounces go to, and how they are recognised.
    #[must_use]
    pub fn with_bounces(mut self, path: ReturnPath) -> Self {
        self.bounces = Some(path);
        self
    }

    /// Sets how long each step may take.
    #[must_use]
    pub fn with_deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Sets how many connections there are, and for how long.
    #[must_use]
    pub fn with_pool(mut self, pool: PoolLimits) -> Self {
        self.pool = pool;
        self
    }
}

impl Security {
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::StartTls | Self::Plaintext => 587,
        }
    }
}
