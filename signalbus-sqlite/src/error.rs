//! What SQLite says, as a [`StoreError`]. See <https://sqlite.org/rescode.html>.

use signalbus_core::store::{StoreError, StoreErrorKind};
use sqlx::{error::DatabaseError, migrate::MigrateError};

/// Translates an error that came up before the commit.
pub(crate) fn of(error: sqlx::Error) -> StoreError {
    let (kind, message) = describe(&error);
    StoreError::new(kind, message).with_source(error)
}

/// Translates an error of the commit itself: when the disk failed in the middle, the transaction
/// may be found complete after a restart.
pub(crate) fn of_commit(error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(IOERR) | None => StoreError::new(
            StoreErrorKind::Ambiguous,
            "the disk failed during a commit: the transaction may have been written",
        )
        .with_source(error),
        Some(_) => of(error),
    }
}

/// Translates an error of the host's transaction, which was to write for the first time.
pub(crate) fn of_upgrade(error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(BUSY | LOCKED) => StoreError::new(
            StoreErrorKind::Unavailable,
            "the transaction may only read: somebody else writes or wrote since it began; roll it back, and \
             begin transactions that write with begin_with(\"BEGIN IMMEDIATE\")",
        )
        .with_source(error),
        _ => of(error),
    }
}

/// Translates an error of a migration.
pub(crate) fn of_migration(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => of(error),
        MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => StoreError::new(
            StoreErrorKind::Corrupt,
            "the file was written by a newer version of signalbus-sqlite: update the program",
        )
        .with_source(error),
        _ => StoreError::new(
            StoreErrorKind::Corrupt,
            "the tables of the file are not those that signalbus-sqlite made",
        )
        .with_source(error),
    }
}

/// Something stored that cannot be read.
pub(crate) fn corrupt(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// A request that is wrong in itself.
pub(crate) fn invalid(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}

/// A request that this version cannot fulfil.
pub(crate) fn unsupported(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Unsupported, message)
}

const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const INTERRUPT: i32 = 9;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const PROTOCOL: i32 = 15;
const SCHEMA: i32 = 17;
const TOOBIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const NOTADB: i32 = 26;

fn describe(error: &sqlx::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Invalid, Unavailable};

    if let Some(code) = primary_code(error) {
        return match code {
            BUSY | LOCKED => (
                Unavailable,
                "another connection held the file for longer than the busy timeout",
            ),
            NOMEM => (Unavailable, "SQLite got no memory"),
            INTERRUPT | PROTOCOL | SCHEMA => (
                Unavailable,
                "the statement was interrupted, or another process changed the file meanwhile",
            ),
            FULL => (Unavailable, "the disk is full: free some space"),
            IOERR => (Unavailable, "the disk failed to read or write the file"),
            CANTOPEN | PERM => (
                Unavailable,
                "the file cannot be opened: check that its directory exists and may be written",
            ),
            READONLY => (
                Unavailable,
                "the file may only be read: check its permissions, and that the store was not opened for reading only",
            ),
            NOTADB => (Corrupt, "the file is not an SQLite database"),
            CORRUPT => (Corrupt, "the file is damaged: restore it from a backup"),
            CONSTRAINT => (Corrupt, "what was written contradicts what is stored"),
            TOOBIG => (Invalid, "the batch is too large for one statement"),
            _ => (Corrupt, "SQLite refused a statement"),
        };
    }
    match error {
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::RowNotFound => (Corrupt, "something stored cannot be read"),
        sqlx::Error::PoolTimedOut => (Unavailable, "no connection became free in time"),
        sqlx::Error::PoolClosed => (Unavailable, "the store was closed"),
        _ => (Unavailable, "SQLite is not available"),
    }
}

/// The result code without its extension.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    error
        .as_database_error()
        .and_then(DatabaseError::code)
        .and_then(|code| code.parse::<i32>().ok())
        .map(|code| code & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pool_is_transient_and_a_bad_column_is_not() {
        assert!(of(sqlx::Error::PoolClosed).is_transient());
        let error = of(sqlx::Error::Decode("x".into()));
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    }

    #[test]
    fn a_newer_file_says_to_update_the_program() {
        let error = of_migration(MigrateError::VersionMissing(7));
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        assert!(error.to_string().contains("newer version"));
    }
}
