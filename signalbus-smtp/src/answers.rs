use std::fmt::Debug;

use signalbus_core::{id::DeliveryId, name::TenantId};

/// Is told what the server said of each recipient of a mail: the engine keeps only what becomes of
/// the mail as a whole.
///
/// For the implementer: it is called on the way of the mail, so it must not wait. A panic is the
/// delivery's.
pub trait AnswerListener: Debug + Send + Sync + 'static {
    /// A server took a mail. Copies that it refused did not get it, and are not sent again.
    fn taken(&self, answers: &MailAnswers<'_>);
}

/// What a server said when it took a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailAnswers<'a> {
    /// Whose mail it was.
    pub tenant: &'a TenantId,
    /// Which delivery.
    pub delivery: DeliveryId,
    /// The answer to the final dot, such as `250 2.0.0`.
    pub accepted: String,
    /// For each copy, first `cc`, then `bcc`: the code it was refused with, such as `550 5.1.1`;
    /// none when it was taken.
    pub copies: Vec<Option<String>>,
}
