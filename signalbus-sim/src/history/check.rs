use super::{History, Violation, index::Index, rules, verdict::Verdict};

/// Compares what the observers saw; empty when every promise was kept.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let index = Index::new(history);
    let mut verdict = Verdict::default();
    for rule in [
        rules::ends::check,
        rules::sends::check,
        rules::duplicates::check,
        rules::steps::check,
        rules::order::check,
        rules::keys::check,
        rules::tenants::check,
        rules::fair::check,
        rules::pace::check,
        rules::budget::check,
        rules::counts::check,
        rules::pauses::check,
        rules::siblings::check,
    ] {
        rule(&index, &mut verdict);
    }
    verdict.0
}
