/// Why a mail says nothing about a delivery. Shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BounceError {
    /// It is neither a delivery status nor a complaint: somebody's answer, a notice of absence.
    #[error("the mail is no report; hand it to somebody who reads the mailbox")]
    NoReport,
    /// It is a report, but nothing in it says which of our mails it is about.
    #[error("the report is about none of our mails")]
    Unrelated,
    /// It names a delivery without knowing our key.
    #[error(
        "the report is forged, or the key or the tenants of the reader are not those it was sent with"
    )]
    Forged,
    /// It is larger than [`BounceReader::MAX`](super::BounceReader::MAX).
    #[error("the report is larger than {} bytes", super::BounceReader::MAX)]
    TooLarge,
}
