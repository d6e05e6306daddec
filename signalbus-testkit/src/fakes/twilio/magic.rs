//! Numbers for tests and the errors they give (Twilio, "Test credentials").

/// The error that sending from one to another gives, if it gives one.
pub(super) fn error(from: Option<&str>, to: &str) -> Option<u32> {
    let of_sender = match from {
        Some("+15005550001") => Some(21212),
        Some("+15005550007") => Some(21606),
        Some("+15005550008") => Some(21611),
        _ => None,
    };
    let of_recipient = match to {
        "+15005550001" => Some(21211),
        "+15005550002" => Some(21612),
        "+15005550003" => Some(21408),
        "+15005550004" => Some(21610),
        "+15005550009" => Some(21614),
        _ => None,
    };
    of_sender.or(of_recipient)
}
