use super::Identity;

/// What a server offers, and to whom.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    pub(super) tls: ServerTls,
    pub(super) extensions: Vec<String>,
    pub(super) accounts: Vec<(String, String)>,
    pub(super) mechanisms: Vec<String>,
    pub(super) recipients: Option<(usize, String)>,
}

/// Whether and how a server speaks TLS.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum ServerTls {
    /// Not at all.
    #[default]
    None,
    /// After `STARTTLS`.
    StartTls(Identity),
    /// From the first byte.
    Implicit(Identity),
    /// From the first byte, and only with clients of this authority, in PEM form.
    Mutual(Identity, String),
}

impl ServerOptions {
    /// Plain text, no sign-in, and none of the extensions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how it speaks TLS.
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = tls;
        self
    }

    /// Offers an extension, as in the answer to `EHLO`: `PIPELINING`, `SIZE 1000`. It acts on none
    /// of them by itself.
    #[must_use]
    pub fn extension(mut self, line: &str) -> Self {
        self.extensions.push(line.to_owned());
        self
    }

    /// Offers these mechanisms to sign in: `PLAIN`, `LOGIN`, `XOAUTH2`.
    #[must_use]
    pub fn mechanisms(mut self, mechanisms: &[&str]) -> Self {
        let offered = mechanisms.iter().map(|name| (*name).to_owned());
        self.mechanisms.extend(offered);
        self
    }

    /// Takes so many recipients in one transaction, and answers with this line to more, such as
    /// `452 4.5.3 too many recipients`.
    #[must_use]
    pub fn recipients(mut self, most: usize, refusal: &str) -> Self {
        self.recipients = Some((most, refusal.to_owned()));
        self
    }

    /// Lets an account in, with its password or token. Without accounts everybody may send.
    #[must_use]
    pub fn account(mut self, user: &str, secret: &str) -> Self {
        self.accounts.push((user.to_owned(), secret.to_owned()));
        self
    }
}
