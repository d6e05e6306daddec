//! One mail: `MAIL`, `RCPT` for each, `DATA`, content.

use std::fmt::Write;

use lettre::transport::smtp::response::Response;
use signalbus_core::channel::email::EmailAddress;

use super::{Cause, Failure, Lack, Reply, Session, Stage};

/// Who sends, and who gets it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) sender: &'a EmailAddress,
    /// Whom it is for. When the server refuses this one, nothing is sent.
    pub(crate) recipient: &'a EmailAddress,
    /// Who else gets it.
    pub(crate) copies: &'a [&'a EmailAddress],
}

/// What the server said of each copy, in their order; none for those it took.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// To the final dot.
    pub(crate) accepted: Option<Reply>,
    pub(crate) copies: Vec<Option<Reply>>,
}

impl Session {
    /// Sends one mail. `on_content` is called right before its first byte.
    ///
    /// Dropped on the way, it leaves a connection that must not be used again.
    pub(crate) async fn send(
        &mut self,
        envelope: Envelope<'_>,
        mail: &[u8],
        on_content: impl FnOnce() + Send,
    ) -> Result<Answers, Failure> {
        let mail_from = self.mail_from(envelope, mail)?;
        self.mails += 1;
        self.halfway = true;
        let mut answers = Answers::default();
        if self.offers.pipelining {
            self.recipients_at_once(mail_from, envelope, &mut answers)
                .await?;
        } else {
            self.recipients_in_turn(mail_from, envelope, &mut answers)
                .await?;
        }
        let data = self
            .command(Stage::Data, self.deadlines.data, "DATA\r\n")
            .await;
        expect(Stage::Data, &data?, 354)?;

        on_content();
        let (clock, limit) = (self.clock.clone(), self.deadlines.content_of(mail.len()));
        // lettre adds a line end before the dot.
        let body = mail.strip_suffix(b"\r\n").unwrap_or(mail);
        let done = super::within(&*clock, limit, self.smtp.message(body)).await;
        let response = self.answer(Stage::Content, done)?;
        if u16::from(response.code()) / 100 != 2 {
            return Err(Failure::new(Stage::Content, Cause::Garbled));
        }
        self.halfway = false;
        answers.accepted = Some(reply(&response));
        Ok(answers)
    }

    /// The first command, with what the mail needs of the server.
    fn mail_from(&self, envelope: Envelope<'_>, mail: &[u8]) -> Result<String, Failure> {
        let lacks = |lack| Err(Failure::new(Stage::Mail, Cause::Lacks(lack)));
        let mut command = format!("MAIL FROM:<{}>", envelope.sender.spelled());
        if let Some(limit) = self.offers.size {
            let size = mail.len() as u64;
            if limit > 0 && size > limit {
                return lacks(Lack::Size(limit));
            }
            // Writing into a string does not fail.
            let _ = write!(command, " SIZE={size}");
        }
        let addresses = [envelope.sender, envelope.recipient].into_iter();
        let needs_utf8 = addresses
            .chain(envelope.copies.iter().copied())
            .any(EmailAddress::needs_smtputf8);
        // Header fields are encoded, so anything outside ASCII is an address.
        if needs_utf8 || !mail.is_ascii() {
            if !self.offers.utf8 {
                return lacks(Lack::Utf8);
            }
            if self.offers.eight_bit {
                command.push_str(" BODY=8BITMIME");
            }
            command.push_str(" SMTPUTF8");
        }
        command.push_str("\r\n");
        Ok(command)
    }

    async fn recipients_in_turn(
        &mut self,
        mail_from: String,
        envelope: Envelope<'_>,
        answers: &mut Answers,
    ) -> Result<(), Failure> {
        let limits = self.deadlines;
        let taken = self.command(Stage::Mail, limits.mail, mail_from).await?;
        expect_class(Stage::Mail, &taken)?;
        let rcpt = rcpt_to(envelope.recipient);
        let taken = self
            .command(Stage::Recipient, limits.recipient, rcpt)
            .await?;
        expect_class(Stage::Recipient, &taken)?;
        for copy in envelope.copies {
            let rcpt = rcpt_to(copy);
            let answer = self.command(Stage::Recipient, limits.recipient, rcpt).await;
            answers.copies.push(of_copy(answer)?);
        }
        Ok(())
    }

    /// All in one write (RFC 2920 section 3.1). `DATA` waits for the answers: content must not
    /// follow when the recipient was refused and a copy was not.
    async fn recipients_at_once(
        &mut self,
        mut lines: String,
        envelope: Envelope<'_>,
        answers: &mut Answers,
    ) -> Result<(), Failure> {
        let limits = self.deadlines;
        lines.push_str(&rcpt_to(envelope.recipient));
        for copy in envelope.copies {
            lines.push_str(&rcpt_to(copy));
        }
        let mail = self.command(Stage::Mail, limits.mail, lines).await;
        let closing = |failure: &Failure| !failure.leaves_connection();
        if mail.as_ref().is_err_and(closing) {
            mail?;
            return Ok(());
        }
        // Each command has its reply, also those that have become useless.
        let recipient = self.next_reply(Stage::Recipient, limits.recipient).await;
        if recipient.as_ref().is_err_and(closing) && mail.is_ok() {
            recipient?;
            return Ok(());
        }
        for _ in envelope.copies {
            let answer = self.next_reply(Stage::Recipient, limits.recipient).await;
            match of_copy(answer) {
                Ok(answer) => answers.copies.push(answer),
                Err(failure) if mail.is_ok() && recipient.is_ok() => return Err(failure),
                Err(_) => break,
            }
        }
        expect_class(Stage::Mail, &mail?)?;
        expect_class(Stage::Recipient, &recipient?)
    }
}

fn rcpt_to(address: &EmailAddress) -> String {
    format!("RCPT TO:<{}>\r\n", address.spelled())
}

/// A refused copy does not keep the mail from the others; a lost connection does.
fn of_copy(answer: Result<Response, Failure>) -> Result<Option<Reply>, Failure> {
    match answer {
        Ok(_) => Ok(None),
        Err(failure) => match failure.cause {
            Cause::Refused(reply) if reply.code != 421 => Ok(Some(reply)),
            _ => Err(failure),
        },
    }
}

fn expect(stage: Stage, response: &Response, code: u16) -> Result<(), Failure> {
    if u16::from(response.code()) == code {
        Ok(())
    } else {
        Err(Failure::new(stage, Cause::Garbled))
    }
}

fn expect_class(stage: Stage, response: &Response) -> Result<(), Failure> {
    if u16::from(response.code()) / 100 == 2 {
        Ok(())
    } else {
        Err(Failure::new(stage, Cause::Garbled))
    }
}

fn reply(response: &Response) -> Reply {
    Reply::new(
        response.code().into(),
        response.first_line().unwrap_or_default(),
    )
}
