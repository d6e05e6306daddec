//! A mail with more recipients than a server takes in one transaction.

use std::time::Duration;

use signalbus_core::channel::email::EmailAddress;

use super::{Answers, Cause, Envelope, Failure, Reply, Session, within};

/// How long the further transactions of a mail may take together. What is not done by then is told as
/// refused: the recipient has the mail, and must not wait for an answer any longer.
pub(crate) const SPLITTING: Duration = Duration::from_secs(60);

impl Session {
    /// Sends one mail. A server that takes no more recipients in one transaction (RFC 5321 section
    /// 4.5.3.1.10) gets the rest of the copies in others, as long as each of them takes somebody.
    pub(crate) async fn send_to_all(
        &mut self,
        envelope: Envelope<'_>,
        mail: &[u8],
        on_content: impl FnOnce() + Send,
    ) -> Result<Answers, Failure> {
        let mut answers = self.send(envelope, mail, on_content).await?;
        if answers.left_over().next().is_some() {
            let clock = self.clock.clone();
            let rest = self.send_to_rest(envelope, mail, &mut answers);
            if within(&*clock, SPLITTING, rest).await.is_none() {
                // Whatever the server answers now answers something else.
                self.out_of_step = true;
            }
        }
        Ok(answers)
    }

    async fn send_to_rest(&mut self, envelope: Envelope<'_>, mail: &[u8], answers: &mut Answers) {
        loop {
            let left: Vec<usize> = answers.left_over().collect();
            let Some((first, others)) = left.split_first() else {
                return;
            };
            if !self.is_ready(false).await {
                return;
            }
            let copies: Vec<&EmailAddress> =
                others.iter().map(|index| envelope.copies[*index]).collect();
            let part = Envelope {
                sender: envelope.sender,
                recipient: envelope.copies[*first],
                copies: &copies,
            };
            match self.send(part, mail, || {}).await {
                Ok(of_part) => {
                    answers.copies[*first] = None;
                    for (index, reply) in others.iter().zip(of_part.copies) {
                        answers.copies[*index] = reply;
                    }
                }
                // This one is not taken, which says nothing of the others.
                Err(Failure {
                    cause: Cause::Refused(reply),
                    ..
                }) if reply.code != 421 && !reply.is_too_many() => {
                    answers.copies[*first] = Some(reply);
                }
                Err(failure) => {
                    self.out_of_step |= !failure.leaves_connection();
                    return;
                }
            }
        }
    }
}

impl Answers {
    /// The copies that the server left for another transaction.
    fn left_over(&self) -> impl Iterator<Item = usize> {
        let copies = self.copies.iter().enumerate();
        copies.filter_map(|(index, reply)| reply.as_ref()?.is_too_many().then_some(index))
    }
}

impl Reply {
    /// Whether there are too many recipients in this transaction. 552 is what an older standard said
    /// (RFC 5321 section 4.5.3.1.10).
    fn is_too_many(&self) -> bool {
        let what = self.enhanced.map(super::Enhanced::what);
        matches!(self.code, 452 | 552) && matches!(what, None | Some((5, 3)))
    }
}
