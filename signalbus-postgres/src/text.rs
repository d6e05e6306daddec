//! Text that Postgres can keep: it takes every character but NUL. The one place that takes them
//! out; invalid UTF-8 cannot come here, since a `str` is valid.

use std::borrow::Cow;

/// `text` without NUL characters.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', ""))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same of a text that may be missing.
pub(crate) fn clean_or_none(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nul_goes() {
        assert_eq!(clean("a\0b\u{7}\u{fffd}ß"), "ab\u{7}\u{fffd}ß");
        assert!(matches!(clean("as it is"), Cow::Borrowed("as it is")));
    }
}
