//! What the answers of the file system mean for a delivery.

use std::io::{self, ErrorKind};

use signalbus_core::provider::{Fault, SendError};

use super::write::PublishError;

/// The mail is certainly not in the folder: it may be tried again.
pub(crate) fn not_written(error: io::Error) -> SendError {
    let (fault, message) = reason(error.kind());
    SendError::retryable(fault, message).with_source(error)
}

/// The mail may be in the folder, if the draft got its name.
pub(crate) fn not_published(error: PublishError) -> SendError {
    match error {
        PublishError::NotNamed(error) => not_written(error),
        PublishError::NotSynced(error) => {
            SendError::unknown("the folder did not confirm that the mail is on disk")
                .with_source(error)
        }
    }
}

/// Whose fault a failure to write is. Nothing here is the message's: the next one would fail too.
fn reason(kind: ErrorKind) -> (Fault, &'static str) {
    match kind {
        ErrorKind::NotFound => (Fault::Configuration, "the folder is not there"),
        ErrorKind::NotADirectory => (Fault::Configuration, "the folder is not a folder"),
        ErrorKind::IsADirectory => (
            Fault::Configuration,
            "another folder has the name of the mail",
        ),
        ErrorKind::PermissionDenied => (Fault::Configuration, "the folder may not be written to"),
        ErrorKind::ReadOnlyFilesystem => {
            (Fault::Configuration, "the folder is on a read-only disk")
        }
        ErrorKind::FileTooLarge => (
            Fault::Configuration,
            "the disk or a limit of the process takes no file of this size",
        ),
        ErrorKind::QuotaExceeded => (Fault::Quota, "the disk quota is used up"),
        ErrorKind::StorageFull => (Fault::Provider, "the disk is full"),
        _ => (Fault::Provider, "the disk failed"),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use signalbus_core::provider::Outcome;

    use super::*;

    #[test]
    fn failures_to_write_are_retryable_and_name_who_must_act() {
        let table = [
            (ErrorKind::NotFound, Fault::Configuration),
            (ErrorKind::NotADirectory, Fault::Configuration),
            (ErrorKind::IsADirectory, Fault::Configuration),
            (ErrorKind::PermissionDenied, Fault::Configuration),
            (ErrorKind::ReadOnlyFilesystem, Fault::Configuration),
            (ErrorKind::FileTooLarge, Fault::Configuration),
            (ErrorKind::QuotaExceeded, Fault::Quota),
            (ErrorKind::StorageFull, Fault::Provider),
            (ErrorKind::TimedOut, Fault::Provider),
            (ErrorKind::Other, Fault::Provider),
        ];
        for (kind, fault) in table {
            for error in [
                not_written(kind.into()),
                not_published(PublishError::NotNamed(kind.into())),
            ] {
                assert_eq!(error.outcome(), Outcome::Retryable, "{kind:?}");
                assert_eq!(error.fault(), fault, "{kind:?}");
                assert!(error.suppresses().is_none(), "{kind:?}");
                assert!(error.source().is_some(), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_name_that_is_not_on_disk_yet_is_unknown() {
        let error = not_published(PublishError::NotSynced(ErrorKind::StorageFull.into()));
        assert_eq!(error.outcome(), Outcome::Unknown);
    }
}
