//! Content that somebody chose to do harm.

use signalbus_core::{Channel, provider::Outcome};

use super::Subject;

/// In place of the recipient's name and of each part. Each has a text that must not be shown.
const HOSTILE: [&str; 14] = [
    "c4n4ry\r\nBcc: c4n4ry@example.org",
    "c4n4ry\nX-Injected: yes",
    "c4n4ry\rc4n4ry",
    "c4n4ry\0c4n4ry",
    "c4n4ry\r\n.\r\nMAIL FROM:<c4n4ry@example.org>",
    "c4n4ry\u{202e}txt.exe",
    "c4n4ry\u{2028}c4n4ry\u{85}c4n4ry",
    "\"c4n4ry\" <c4n4ry@example.org>, c4n4ry",
    "=?utf-8?q?c4n4ry?= =?utf-8?b?YzRuNHJ5?=",
    "c4n4ry&to=%2B447700900999&c4n4ry=#c4n4ry",
    "c4n4ry\",\"to\":\"c4n4ry\"}]",
    "c4n4ry</Body><c4n4ry>&c4n4ry;]]>",
    "c4n4ry\u{1f980}\u{200d}\u{fe0f}\u{0}\u{1b}[31mc4n4ry",
    "\u{feff}c4n4ry \\ ' ` $(c4n4ry) ${c4n4ry} %s %n",
];

/// What the channel lets through is sent, or refused for good; it never brings the provider down,
/// and an error does not show it.
pub async fn hostile_content_is_sent_or_refused<C: Channel>(s: Subject<C>) {
    let long = format!("c4n4ry {}", "x".repeat(100_000));
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        let hint: String = text.chars().take(40).collect();
        for parcel in s.parcels_with(text) {
            let Err(error) = s.send(&parcel).await else {
                continue;
            };
            let shown = super::outage::shown(&error);
            assert!(!shown.contains("c4n4ry"), "an error shows {hint:?}");
            assert_eq!(
                error.outcome(),
                Outcome::Permanent,
                "{hint:?} would be tried again: {error}"
            );
        }
    }
    s.send_sample().await;
}
