//! Content that must never be shown: a marker stands for it.

use std::{error::Error, fmt};

/// The marker. Inputs of the corpus have it where addresses, names, data and values stand.
pub(crate) const SECRET: &str = "s3cr3t";

/// Whether a text has the marker.
pub(crate) fn is_in(text: &str) -> bool {
    text.contains(SECRET)
}

/// Panics when an error, or what caused it, shows the marker.
pub(crate) fn not_told_by(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        not_shown(&error.to_string());
        not_debugged(error);
        next = error.source();
    }
}

/// Panics when `Debug` shows the marker.
pub(crate) fn not_debugged<T: fmt::Debug + ?Sized>(value: &T) {
    not_shown(&format!("{value:?}"));
}

fn not_shown(text: &str) {
    assert!(!is_in(text), "content is shown: {text}");
}
