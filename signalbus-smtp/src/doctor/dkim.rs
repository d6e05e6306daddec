//! RFC 6376 section 3.6.1, RFC 8301, RFC 8463.

use super::{Level, Report, Resolver, Topic};
use crate::DkimKey;

/// Looks at the record of a key; whether its signatures hold.
pub(super) async fn look(dns: &dyn Resolver, key: &DkimKey, report: &mut Report) -> bool {
    let (name, expected) = key.record();
    let mut say = |level, text: String| report.add(level, Topic::Dkim, text);
    let Ok(records) = dns.txt(&name).await else {
        say(Level::Warning, format!("{name} could not be looked up"));
        return false;
    };
    let record = match records.as_slice() {
        [record] => record,
        [] => {
            say(
                Level::Problem,
                format!("{name} is not there; publish `{expected}`"),
            );
            return false;
        }
        _ => {
            say(
                Level::Problem,
                format!("{name} has several records; receivers may take any of them"),
            );
            return false;
        }
    };
    let (ours, theirs) = (tags(&expected), tags(record));
    let tag = |tags: &[(String, String)], name| {
        let found = tags.iter().find(|(tag, _)| tag == name);
        found.map(|(_, value)| value.clone())
    };
    let public = tag(&theirs, "p");
    if public.as_deref() == Some("") {
        say(
            Level::Problem,
            format!("{name} says that the key is revoked"),
        );
        return false;
    }
    let kind = tag(&theirs, "k").unwrap_or_else(|| "rsa".to_owned());
    if public != tag(&ours, "p") || Some(&kind) != tag(&ours, "k").as_ref() {
        say(
            Level::Problem,
            format!("{name} has another key than the one that signs; publish `{expected}`"),
        );
        return false;
    }
    let flags = tag(&theirs, "t").unwrap_or_default();
    if flags.split(':').any(|flag| flag == "y") {
        say(
            Level::Warning,
            format!("{name} is in test mode (`t=y`): receivers may treat mails as unsigned"),
        );
    }
    say(Level::Good, format!("{name} has the key that signs"));
    true
}

/// Tags and values, without white space (section 3.2).
pub(super) fn tags(record: &str) -> Vec<(String, String)> {
    let bare = |text: &str| -> String { text.split_ascii_whitespace().collect() };
    record
        .split(';')
        .filter_map(|tag| tag.split_once('='))
        .map(|(tag, value)| (bare(tag), bare(value)))
        .collect()
}
