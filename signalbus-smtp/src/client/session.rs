use std::{fmt, sync::Arc, time::Duration};

use lettre::transport::smtp::{Error, client::AsyncSmtpConnection, response::Response};
use signalbus_core::clock::Clock;

use super::{Cause, Extensions, Failure, Stage, wire::Wire, within};
use crate::config::Deadlines;

/// A connection that is open and signed in.
pub(crate) struct Session {
    pub(super) smtp: AsyncSmtpConnection,
    pub(super) wire: Wire,
    pub(super) offers: Extensions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) deadlines: Deadlines,
    /// When it was opened, and last used.
    pub(crate) opened: Duration,
    pub(crate) used: Duration,
    /// Mails it was used for.
    pub(crate) mails: u32,
    /// A transaction was begun and not ended.
    pub(super) halfway: bool,
    /// A reply is still to come: what is read next answers something else.
    pub(super) out_of_step: bool,
}

impl Session {
    /// Writes a line and reads the reply to it.
    pub(super) async fn command(
        &mut self,
        stage: Stage,
        limit: Duration,
        line: impl fmt::Display,
    ) -> Result<Response, Failure> {
        let done = within(&*self.clock, limit, self.smtp.command(line)).await;
        self.answer(stage, done)
    }

    /// Reads the reply to a line that was written with an earlier one.
    pub(super) async fn next_reply(
        &mut self,
        stage: Stage,
        limit: Duration,
    ) -> Result<Response, Failure> {
        let done = within(&*self.clock, limit, self.smtp.read_response()).await;
        self.answer(stage, done)
    }

    pub(super) fn answer(
        &self,
        stage: Stage,
        done: Option<Result<Response, Error>>,
    ) -> Result<Response, Failure> {
        match done {
            Some(Ok(response)) => Ok(response),
            Some(Err(error)) => Err(Failure::of_lettre(stage, &error, self.wire.has_ended())),
            None => Err(Failure::new(stage, Cause::Slow)),
        }
    }

    /// Whether it can take a mail: open, silent, and without half a transaction. Asks the server
    /// only after a failure or a long rest.
    pub(crate) async fn is_ready(&mut self, rested: bool) -> bool {
        if self.out_of_step || !self.wire.is_quiet() {
            return false;
        }
        if !self.halfway && !rested {
            return true;
        }
        let reset = self.command(Stage::Mail, self.deadlines.command, "RSET\r\n");
        self.halfway = reset.await.is_err();
        !self.halfway
    }

    /// Says goodbye and closes. Where a reply is still to come it only closes: what is said may be taken for
    /// content.
    pub(crate) async fn close(mut self) {
        if self.out_of_step {
            return;
        }
        // The server closes anyway, whatever it answers.
        let _ = self
            .command(Stage::Mail, self.deadlines.goodbye, "QUIT\r\n")
            .await;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("opened", &self.opened)
            .field("used", &self.used)
            .field("mails", &self.mails)
            .finish_non_exhaustive()
    }
}
