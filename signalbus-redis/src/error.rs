//! What can go wrong between us and a server.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use signalbus_core::bus::{BusError, BusErrorKind};

/// `doing` is what was tried, such as "publishing".
pub(crate) fn of(doing: &str, error: RedisError) -> BusError {
    let code = code_of(&error);
    let kind = match (error.kind(), code.as_deref()) {
        (ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig, _) => {
            BusErrorKind::Invalid
        }
        (_, Some("NOAUTH" | "NOPERM" | "WRONGPASS" | "WRONGTYPE")) => BusErrorKind::Invalid,
        (ErrorKind::Server(ServerErrorKind::NoPerm), _) => BusErrorKind::Invalid,
        _ => BusErrorKind::Unavailable,
    };
    let why = match (kind, code) {
        (BusErrorKind::Invalid, Some(code)) => {
            format!("{doing}: the server refused it ({code}): check the account and its rights")
        }
        (BusErrorKind::Invalid, None) => {
            format!("{doing}: the server refused the sign-in: check user and password")
        }
        (_, Some(code)) => format!("{doing}: the server cannot do it now ({code})"),
        (_, None) => format!("{doing}: the server cannot be reached"),
    };
    // The error itself may name the address.
    BusError::new(kind, why)
}

/// What the server says first in its refusal: `NOAUTH`, or `BUSYGROUP`.
pub(crate) fn code_of(error: &RedisError) -> Option<String> {
    let code = error.code().map(str::to_owned);
    code.or_else(|| {
        let errors = error.clone().into_server_errors()?;
        errors.first().map(|(_, error)| error.code().to_owned())
    })
}

pub(crate) fn late(doing: &str) -> BusError {
    let why = format!("{doing}: the server did not answer in time");
    BusError::new(BusErrorKind::Unavailable, why)
}

pub(crate) fn unexpected(doing: &str) -> BusError {
    let why = format!("{doing}: the answer of the server cannot be read");
    BusError::new(BusErrorKind::Unavailable, why)
}
