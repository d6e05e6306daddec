//! Times and spans, as they are typed and shown.

use std::{str::FromStr, time::Duration};

use jiff::SignedDuration;
use signalbus::{Clock, SystemClock, Timestamp};

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    SystemClock::new().now()
}

/// A time as typed: `2026-11-29T18:00:00Z`, or how long ago: `2h`, `1d 6h`.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = Timestamp::from_str(text) {
        return Ok(at);
    }
    let ago = span(text)?;
    now()
        .checked_sub(ago)
        .map_err(|_| "that is before all time".to_owned())
}

/// A span as typed: `30s`, `5m`, `2h 30m`, `1d`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    // Days are 24 hours here: jiff leaves out what depends on a calendar.
    let hint = "write a span such as 30s, 5m, 2h or 3d";
    let (days, rest) = match text.split_once('d') {
        Some((days, rest)) => (days.trim().parse::<u64>().map_err(|_| hint)?, rest.trim()),
        None => (0, text.trim()),
    };
    let rest = if rest.is_empty() && text.contains('d') {
        Duration::ZERO
    } else {
        let rest = SignedDuration::from_str(rest).map_err(|_| hint)?;
        Duration::try_from(rest).map_err(|_| "a span cannot be negative")?
    };
    let days = days.checked_mul(86_400).ok_or(hint)?;
    Duration::from_secs(days)
        .checked_add(rest)
        .ok_or_else(|| hint.to_owned())
}

/// To the second.
pub(crate) fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// About how long ago, in a word: `12s`, `5m`, `3h`, `8d`; with `in` before what is to come.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    let word = rough(seconds.unsigned_abs());
    if seconds < 0 {
        format!("in {word}")
    } else {
        word
    }
}

/// About how long, in a word.
pub(crate) fn rough(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("2h 30m", 9_000),
            ("1d", 86_400),
            ("3d 1h", 262_800),
        ] {
            assert_eq!(span(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        for text in ["", "soon", "-5m", "5", "d"] {
            assert!(span(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_age_is_a_word() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let at = |ago: i64| Timestamp::from_second(1_000_000 - ago).unwrap();
        assert_eq!(age(at(90), now), "90s");
        assert_eq!(age(at(7_199), now), "119m");
        assert_eq!(age(at(180_000), now), "2d");
        assert_eq!(age(at(-300), now), "in 5m");
    }
}
