/// How far a send has come. The same reply means different things at different stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Finding the server and reaching it.
    Connect,
    /// Negotiating TLS, implicit or after `STARTTLS`.
    Tls,
    /// Waiting for the server's first line.
    Greeting,
    /// `EHLO`.
    Hello,
    /// `STARTTLS`.
    StartTls,
    /// `AUTH` and what follows it.
    Auth,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Recipient,
    /// `DATA`, before any content.
    Data,
    /// The content, up to the answer to the final dot. From here on the mail may have been taken.
    Content,
}

impl Stage {
    /// The word in error texts.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Content => "the final dot",
        }
    }
}
