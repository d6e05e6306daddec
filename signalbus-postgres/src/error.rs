//! What Postgres says, as a [`StoreError`].
//! See <https://www.postgresql.org/docs/15/errcodes-appendix.html>.

use signalbus_core::store::{StoreError, StoreErrorKind};

/// Translates an error of a statement whose transaction was not being committed.
pub(crate) fn of(error: sqlx::Error) -> StoreError {
    let (kind, message) = describe(&error);
    StoreError::new(kind, message).with_source(Silent::of(error))
}

/// Translates an error of a commit, or of a statement that commits by itself: where the session
/// ended, the transaction may have been written.
pub(crate) fn of_commit(error: sqlx::Error) -> StoreError {
    if is_lost(&error) {
        return ambiguous("the connection broke during a commit: it may have been written")
            .with_source(Silent::of(error));
    }
    of(error)
}

/// Translates an error of connecting.
pub(crate) fn of_connect(error: sqlx::Error) -> StoreError {
    let message = match code(&error).as_deref() {
        Some(code) if code.starts_with("28") => {
            "the database refuses the user or password: check the URL"
        }
        Some("3D000") => "the database of the URL does not exist",
        Some("53300") => "the database has no connection left: raise max_connections, or use fewer",
        Some("57P03") => "the database is starting or stopping",
        _ => "the database cannot be reached: check the URL, the network and TLS",
    };
    unavailable(message).with_source(Silent::of(error))
}

/// Whether the session ended, so that nobody knows what it did last.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(_) => code(error).is_none_or(|code| {
            // 08: connection; 57P01 to 57P03: the server ends; 58: the system; XX: inside Postgres.
            let class = code.get(..2).unwrap_or_default();
            matches!(class, "08" | "58" | "XX") || code.starts_with("57P")
        }),
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::PoolClosed
        | sqlx::Error::PoolTimedOut => true,
        _ => false,
    }
}

/// Whether the same transaction may succeed when it is tried again at once: serialization failure
/// or deadlock.
pub(crate) fn is_conflict(error: &StoreError) -> bool {
    silent(error).is_some_and(|silent| matches!(silent.code.as_deref(), Some("40001" | "40P01")))
}

/// Whether the cause of this error is that the session ended.
pub(crate) fn lost(error: &StoreError) -> bool {
    silent(error).is_some_and(|silent| silent.lost)
}

fn silent(error: &StoreError) -> Option<&Silent> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(silent) = cause.downcast_ref::<Silent>() {
            return Some(silent);
        }
        source = cause.source();
    }
    None
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

/// Nothing was written, and another try may succeed.
pub(crate) fn unavailable(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, message)
}

/// It may have been written.
pub(crate) fn ambiguous(message: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Ambiguous, message)
}

fn describe(error: &sqlx::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Invalid, Unavailable, Unsupported};
    let Some(code) = code(error) else {
        return match error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::RowNotFound => (Corrupt, "something stored cannot be read"),
            sqlx::Error::Encode(_) => (Invalid, "a value cannot be written"),
            _ => (Unavailable, "the connection to the database broke"),
        };
    };
    match code.as_str() {
        "40001" | "40P01" => (
            Unavailable,
            "another transaction was in the way: begin the transaction again",
        ),
        "25P02" => (
            Invalid,
            "the transaction had failed before: roll it back and begin another",
        ),
        "25006" => (
            Unavailable,
            "the database only reads: it is a standby, or its disk is full",
        ),
        "26000" | "42P05" => (
            Unsupported,
            "a pooler gave the statement to another session: set `pgbouncer` on the store",
        ),
        "3F000" | "42P01" | "42703" | "42883" => (
            Corrupt,
            "the tables are not those of signalbus-postgres: run its migrations",
        ),
        "42501" => (
            Unsupported,
            "the user may not do that: grant it the rights that the guide lists",
        ),
        "53100" => (Unavailable, "the disk of the database is full"),
        "53300" => (Unavailable, "the database has no connection left"),
        "55P03" => (Unavailable, "another transaction held a lock for too long"),
        "57014" => (
            Unavailable,
            "the statement was cancelled: by somebody, or by a timeout",
        ),
        "54000" | "54001" | "22003" | "22021" | "22P05" => {
            (Invalid, "a value is outside of what the database can keep")
        }
        code => match code.get(..2).unwrap_or_default() {
            "08" | "53" | "57" | "58" => (Unavailable, "the database is not available"),
            "23" => (Corrupt, "what was written contradicts what is stored"),
            "XX" => (Corrupt, "the database is damaged, or has a fault"),
            _ => (Corrupt, "the database refused a statement"),
        },
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    let database = error.as_database_error()?;
    database.code().map(|code| code.into_owned())
}

/// What Postgres said without the values it quotes: its messages and details may have content or
/// addresses.
#[derive(Debug)]
pub(crate) struct Silent {
    code: Option<String>,
    lost: bool,
    said: String,
}

impl Silent {
    fn of(error: sqlx::Error) -> Self {
        let lost = is_lost(&error);
        let code = code(&error);
        let said = match (&error, &code) {
            (sqlx::Error::Database(said), _) => {
                let constraint = said.constraint().map(|name| format!(" of {name}"));
                let code = code.as_deref().unwrap_or("unknown");
                format!("SQLSTATE {code}{}", constraint.unwrap_or_default())
            }
            (sqlx::Error::Io(error), _) => format!("{} on the connection", error.kind()),
            (sqlx::Error::Tls(error), _) => format!("TLS: {error}"),
            (sqlx::Error::Configuration(_), _) => "the options of the connection".to_owned(),
            (sqlx::Error::ColumnDecode { index, .. }, _) => format!("column {index}"),
            _ => "the driver gave up".to_owned(),
        };
        Self { code, lost, said }
    }
}

impl std::fmt::Display for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Silent {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_ambiguous_only_in_a_commit() {
        let broken = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        assert_eq!(of(broken()).kind(), StoreErrorKind::Unavailable);
        assert_eq!(of_commit(broken()).kind(), StoreErrorKind::Ambiguous);
        let decode = of_commit(sqlx::Error::Decode("x".into()));
        assert_eq!(decode.kind(), StoreErrorKind::Corrupt);
    }
}
