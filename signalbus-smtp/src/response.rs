//! What the answers of a server mean for a delivery.
//!
//! A reply is read by its stage, its code (RFC 5321 section 4.2) and its enhanced code (RFC 3463,
//! RFC 7372, the IANA registry of enhanced status codes).

use std::time::Duration;

use signalbus_core::{
    provider::{Fault, SendError},
    store::{self, Scope},
};

use crate::client::{Cause, Failure, Lack, Reply, Stage};

/// How long to wait when a server throttles or greylists without saying how long: most greylists
/// open after five minutes (RFC 6647 section 2.4).
const THROTTLED: Duration = Duration::from_secs(300);

/// Whom a mail went to, as far as it matters for what a reply means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Addressed {
    /// One recipient: what is said of the mail is said of them.
    One,
    /// Copies too: a reply to the content may be about any of them.
    More,
}

/// What a failure means.
pub(crate) fn failed(failure: &Failure, addressed: Addressed) -> SendError {
    let stage = failure.stage;
    match &failure.cause {
        Cause::Refused(reply) => refused(stage, *reply, addressed),
        _ if stage == Stage::Content => {
            SendError::unknown(format!("no answer that counts to {}", stage.as_str()))
        }
        Cause::Slow => provider(stage, "the server did not answer in time"),
        Cause::Lost(kind) if stage == Stage::Connect => {
            provider(stage, &format!("the server cannot be reached: {kind}"))
        }
        Cause::Lost(kind) => provider(stage, &format!("the connection broke: {kind}")),
        Cause::Garbled => provider(stage, "the server does not speak SMTP"),
        Cause::Untrusted => configuration(stage, "a certificate is not trusted or not taken"),
        Cause::Lacks(Lack::StartTls) => configuration(
            stage,
            "the server offers no STARTTLS; use implicit TLS, or ask for plain text by name",
        ),
        Cause::Lacks(Lack::Mechanism) => configuration(
            stage,
            "the server offers no way to sign in that the account has",
        ),
        Cause::Lacks(Lack::Utf8) => SendError::permanent(
            Fault::Recipient,
            "the server takes no addresses outside ASCII (it lacks SMTPUTF8)",
        ),
        Cause::Lacks(Lack::Size(limit)) => SendError::permanent(
            Fault::Message,
            format!("the mail is larger than the {limit} bytes the server takes"),
        ),
        Cause::NoToken { transient: true } => provider(stage, "the token source did not answer"),
        Cause::NoToken { transient: false } => {
            configuration(stage, "the token source refused; renew its consent")
        }
    }
}

fn provider(stage: Stage, what: &str) -> SendError {
    SendError::retryable(Fault::Provider, text(what, stage))
}

fn configuration(stage: Stage, what: &str) -> SendError {
    SendError::retryable(Fault::Configuration, text(what, stage))
}

fn text(what: &str, stage: Stage) -> String {
    format!("{what}, at {}", stage.as_str())
}

fn refused(stage: Stage, reply: Reply, addressed: Addressed) -> SendError {
    let meaning = match reply.code {
        400..500 => transient(stage, reply),
        _ => permanent(stage, reply, addressed),
    };
    let error = match meaning {
        Meaning::Later(fault, what) => SendError::retryable(fault, text(what, stage)),
        Meaning::Throttled(fault, what) => {
            SendError::retryable(fault, text(what, stage)).with_retry_after(THROTTLED)
        }
        Meaning::Paused(what) => configuration(stage, what),
        Meaning::Never(fault, what) => SendError::permanent(fault, text(what, stage)),
        Meaning::NoMailbox(what) => {
            let error = SendError::permanent(Fault::Recipient, text(what, stage));
            error.suppressing(store::Cause::Bounced, Scope::default())
        }
    };
    error.with_code(reply.to_string())
}

/// What becomes of a message after a refusal.
enum Meaning {
    /// It is tried again.
    Later(Fault, &'static str),
    /// It is tried again after a longer wait.
    Throttled(Fault, &'static str),
    /// It is kept until somebody sees to the account.
    Paused(&'static str),
    /// It is given up.
    Never(Fault, &'static str),
    /// It is given up, and nothing is sent to the address again.
    NoMailbox(&'static str),
}

fn transient(stage: Stage, reply: Reply) -> Meaning {
    use Meaning::{Later, Throttled};
    let what = reply.enhanced.map(super::client::Enhanced::what);
    if reply.greylists {
        // Each new recipient waits once: the server is not at fault, and others need not wait.
        return Throttled(Fault::Recipient, "the server greylists");
    }
    match (reply.code, what) {
        // A sign-in that cannot be checked just now (RFC 4954 section 6) is no throttling.
        (454, _) if stage <= Stage::Auth => Later(Fault::Provider, "the server cannot do it now"),
        (_, Some((7, _))) => Throttled(Fault::Quota, "the server throttles"),
        (421, _) => Later(Fault::Provider, "the server closes the connection"),
        (_, Some((5, 3))) => Later(Fault::Recipient, "too many recipients"),
        (_, Some((1 | 2 | 4, _))) if stage >= Stage::Recipient => {
            Later(Fault::Recipient, "the mailbox cannot be reached now")
        }
        (450, None) if stage == Stage::Recipient => {
            Later(Fault::Recipient, "the mailbox cannot be reached now")
        }
        _ => Later(Fault::Provider, "the server cannot take it now"),
    }
}

fn permanent(stage: Stage, reply: Reply, addressed: Addressed) -> Meaning {
    use Meaning::{Never, NoMailbox, Paused};
    let what = reply.enhanced.map(super::client::Enhanced::what);
    match (reply.code, what) {
        // Whatever the stage: the account has to sign in, or may not any more. 5.7.30 is Exchange
        // Online after the end of passwords.
        (530 | 534 | 535 | 538, _) | (_, Some((7, 30))) => {
            return Paused("the server does not let the account in");
        }
        _ if reply.denies_relay => return Paused("the account may not send there"),
        // Before MAIL nothing is about the message.
        _ if stage <= Stage::Auth => return Paused("the server refuses the account"),
        _ => {}
    }
    // A word about the recipient counts where it can be about nobody else.
    let about_recipient =
        stage == Stage::Recipient || stage == Stage::Content && addressed == Addressed::One;
    match (reply.code, what) {
        // The sender's standing, or the receiver's rules: never the recipient's address.
        (_, Some((7, _))) => Never(Fault::Message, "the receiver's policy refuses it"),
        (_, Some((1, 7 | 8))) => Paused("the sender address is refused"),
        (_, Some((1, 1 | 2 | 3 | 6 | 10) | (2, 1))) if about_recipient => {
            NoMailbox("there is no such mailbox")
        }
        (_, Some((2, 2))) => Never(Fault::Recipient, "the mailbox is full"),
        (_, Some((3, 4) | (2, 3))) => Never(Fault::Message, "the mail is too large"),
        (_, Some((6, _))) => Never(Fault::Message, "the content is not taken"),
        (_, Some((1, _))) if stage == Stage::Mail => Paused("the sender address is refused"),
        (_, Some((1 | 2 | 4, _))) => Never(Fault::Recipient, "the mailbox cannot be reached"),
        (_, Some((3, _))) => Never(Fault::Provider, "the mail system refuses it"),
        (501, _) if stage == Stage::Recipient => {
            Never(Fault::Recipient, "the server cannot read the address")
        }
        // Said of the content it may be about this mail alone, which would stop all others.
        (500..=504 | 555, _) if stage != Stage::Content => {
            Paused("the server does not know the command")
        }
        (552, _) if stage != Stage::Recipient => Never(Fault::Message, "the mail is too large"),
        _ => match stage {
            Stage::Mail => Paused("the sender address is refused"),
            Stage::Recipient => Never(Fault::Recipient, "the recipient is refused"),
            _ => Never(Fault::Message, "the mail is refused"),
        },
    }
}
