use std::{error::Error as _, io};

use lettre::transport::smtp::Error;

use super::{Reply, Stage};

/// Why a send came to nothing, and how far it had come.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) stage: Stage,
    pub(crate) cause: Cause,
}

/// What stopped a send.
#[derive(Debug)]
pub(crate) enum Cause {
    /// The server said no.
    Refused(Reply),
    /// No answer in time.
    Slow,
    /// The connection broke, or was never made.
    Lost(io::ErrorKind),
    /// The server said something that is no SMTP, or that does not fit the command.
    Garbled,
    /// The server's certificate cannot be trusted, or ours is not.
    Untrusted,
    /// The server lacks something that the account or the mail needs.
    Lacks(Lack),
    /// The account's token could not be had.
    NoToken {
        /// Whether asking again may help.
        transient: bool,
    },
}

/// What a server lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    StartTls,
    Mechanism,
    Utf8,
    /// It takes mails of so many bytes at most.
    Size(u64),
}

impl Failure {
    pub(crate) const fn new(stage: Stage, cause: Cause) -> Self {
        Self { stage, cause }
    }

    pub(crate) fn lost(stage: Stage, error: &io::Error) -> Self {
        Self::new(stage, Cause::Lost(error.kind()))
    }

    /// What lettre says. It reports an end of the connection as a broken reply, so it is told
    /// whether there was one.
    pub(crate) fn of_lettre(stage: Stage, error: &Error, ended: bool) -> Self {
        let source = || error.source().map(ToString::to_string).unwrap_or_default();
        let cause = match error.status() {
            Some(code) => Cause::Refused(Reply::new(code.into(), &source())),
            None if ended => Cause::Lost(io::ErrorKind::UnexpectedEof),
            None if error.is_response() => Cause::Garbled,
            None => Cause::Lost(
                error
                    .source()
                    .and_then(|source| source.downcast_ref::<io::Error>())
                    .map_or(io::ErrorKind::Other, io::Error::kind),
            ),
        };
        Self::new(stage, cause)
    }

    /// Whether the connection can go on after a `RSET`.
    pub(crate) fn leaves_connection(&self) -> bool {
        matches!(&self.cause, Cause::Refused(reply) if reply.code != 421)
            || matches!(self.cause, Cause::Lacks(Lack::Utf8 | Lack::Size(_)))
    }
}
