use std::time::Duration;

use jiff::{Timestamp, fmt::rfc2822};

/// Reads the value of `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date, which is compared
/// with `now`. A date that has passed is no wait at all. None when it is neither.
#[must_use]
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // What does not fit is longer than anybody waits.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    // IMF-fixdate is a date of RFC 2822 with the obsolete zone `GMT`.
    let at = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(signalbus_core::clock::until(now, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits() {
        let now = Timestamp::constant(784_111_777, 0);
        for (value, wait) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 07:49:37 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let wait = wait.map(Duration::from_secs);
            assert_eq!(retry_after(value, now), wait, "{value}");
        }
    }
}
