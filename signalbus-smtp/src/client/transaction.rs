//! One mail: `MAIL`, `RCPT` for each, `DATA`, content.

use std::{fmt::Write, io};

use lettre::transport::smtp::response::Response;
use signalbus_core::channel::email::EmailAddress;
use tokio::io::AsyncWriteExt;

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
        let alone = envelope.copies.is_empty();
        let data = if self.offers.pipelining && alone {
            self.all_at_once(mail_from, envelope.recipient).await?
        } else {
            if self.offers.pipelining {
                self.recipients_at_once(mail_from, envelope, &mut answers)
                    .await?;
            } else {
                self.recipients_in_turn(mail_from, envelope, &mut answers)
                    .await?;
            }
            self.command(Stage::Data, self.deadlines.data, "DATA\r\n")
                .await?
        };
        expect(Stage::Data, &data, 354)?;

        let content = transparent(mail);
        on_content();
        let (clock, limit) = (self.clock.clone(), self.deadlines.content_of(mail.len()));
        let done = super::within(&*clock, limit, self.content(&content)).await;
        let response = done.unwrap_or_else(|| Err(Failure::new(Stage::Content, Cause::Slow)))?;
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

    /// Content with its final dot, in one write: lettre makes two of it.
    async fn content(&mut self, content: &[u8]) -> Result<Response, Failure> {
        let written = async {
            self.wire.write_all(content).await?;
            self.wire.flush().await
        };
        let lost = |error: io::Error| Failure::lost(Stage::Content, &error);
        written.await.map_err(lost)?;
        let response = self.smtp.read_response().await;
        self.answer(Stage::Content, Some(response))
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

    /// All in one write with `DATA`, which may be the last of a group (RFC 2920 section 3.1); content
    /// waits for the answers. With one recipient only: the reply to `DATA`.
    async fn all_at_once(
        &mut self,
        mut lines: String,
        recipient: &EmailAddress,
    ) -> Result<Response, Failure> {
        let limits = self.deadlines;
        lines.push_str(&rcpt_to(recipient));
        lines.push_str("DATA\r\n");
        let closes = |failure: &Failure| !failure.leaves_connection();
        // Until the last reply is there, what is read next answers something else.
        self.out_of_step = true;
        let mail = self.command(Stage::Mail, limits.mail, lines).await;
        if mail.as_ref().is_err_and(closes) {
            return mail;
        }
        let taken = self.next_reply(Stage::Recipient, limits.recipient).await;
        if taken.as_ref().is_err_and(closes) {
            return Err(mail.err().or(taken.err()).unwrap_or_else(garbled));
        }
        let data = self.next_reply(Stage::Data, limits.data).await;
        // A server that waits for content though it has nobody to give it to is left: what ends the wait
        // otherwise is an empty mail.
        let refused = mail.is_err() || taken.is_err();
        self.out_of_step = match &data {
            Ok(_) => refused,
            Err(failure) => closes(failure),
        };
        expect_class(Stage::Mail, &mail?)?;
        expect_class(Stage::Recipient, &taken?)?;
        data
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
        let closes = |failure: &Failure| !failure.leaves_connection();
        if mail.as_ref().is_err_and(closes) {
            return mail.map(|_| ());
        }
        // Each command has its reply, also those that have become useless. When one of these does
        // not come, the first refusal is still what is told.
        let recipient = self.next_reply(Stage::Recipient, limits.recipient).await;
        self.out_of_step = recipient.as_ref().is_err_and(closes);
        for _ in envelope.copies {
            if self.out_of_step {
                break;
            }
            let answer = self.next_reply(Stage::Recipient, limits.recipient).await;
            match of_copy(answer) {
                Ok(answer) => answers.copies.push(answer),
                Err(failure) => {
                    self.out_of_step = true;
                    if mail.is_ok() && recipient.is_ok() {
                        return Err(failure);
                    }
                }
            }
        }
        expect_class(Stage::Mail, &mail?)?;
        expect_class(Stage::Recipient, &recipient?)
    }
}

fn garbled() -> Failure {
    Failure::new(Stage::Recipient, Cause::Garbled)
}

/// Content as it goes over the line: a dot that begins a line is doubled, and a lone one is the end (RFC 5321
/// section 4.5.2).
fn transparent(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + mail.len() / 64 + 5);
    let mut begins = true;
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if begins && line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
        // A lone line feed ends no line.
        begins = out.ends_with(b"\r\n");
    }
    if !begins {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_a_lone_dot() {
        for (mail, sent) in [
            ("", ".\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            (".", "..\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\n..b\r\n", "a\r\n...b\r\n.\r\n"),
            ("a.\r\n b.\r\n", "a.\r\n b.\r\n.\r\n"),
            ("a\n.\r\nb", "a\n.\r\nb\r\n.\r\n"),
            ("a\r\n\r\n.b", "a\r\n\r\n..b\r\n.\r\n"),
        ] {
            let got = String::from_utf8(transparent(mail.as_bytes())).unwrap();
            assert_eq!(got, sent, "{mail:?}");
        }
    }
}
