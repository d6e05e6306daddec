//! The list of cases, and how they become tests.

use signalbus_core::Channel;

use super::Subject;

/// Makes one test of each case; see [`provider_suite`](mod@crate::provider_suite).
#[macro_export]
macro_rules! provider_suite {
    (
        reports_start: $reports_start:tt,
        recognises_repeats: $recognises_repeats:tt,
        looks_up: $looks_up:tt,
        open: $open:expr
        $(, unreachable: $unreachable:expr $(, connects_first: $connects_first:tt)?)?
        $(,)?
    ) => {
        #[test]
        fn the_provider_says_what_is_on_its_sheet() {
            $crate::provider_suite::run($open, async |subject| {
                let sheet = [$reports_start, $recognises_repeats, $looks_up];
                $crate::provider_suite::list::compare(&subject, sheet);
            });
        }

        $crate::__provider_tests! { true, $open, sheet {
            its_name_is_valid_and_stable
            its_capabilities_make_sense
            debug_shows_nothing_confidential
        } }
        $crate::__provider_tests! { true, $open, calls {
            a_sample_is_taken
            a_delivery_may_come_again
            calls_run_at_once
            a_call_may_be_dropped_anywhere
        } }
        $crate::__provider_tests! { true, $open, content {
            hostile_content_is_sent_or_refused
        } }
        $crate::__provider_tests! { $reports_start, $open, start {
            the_start_is_reported
        } }
        $crate::__provider_tests! { $recognises_repeats, $open, calls {
            a_repeat_is_recognised
        } }
        $crate::__provider_tests! { $looks_up, $open, calls {
            what_was_sent_is_found
            what_was_not_sent_is_not_found
        } }
        $(
            $crate::__provider_tests! { true, $unreachable, outage {
                what_cannot_be_reached_is_tried_again
                an_error_shows_nothing_confidential
            } }
            $(
                $crate::__provider_tests! { $connects_first, $unreachable, outage {
                    what_cannot_be_reached_is_not_started
                } }
            )?
        )?
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __provider_tests {
    (false, $open:expr, $area:ident { $($case:ident)* }) => {};
    (true, $open:expr, $area:ident { $($case:ident)* }) => {
        $(
            #[test]
            fn $case() {
                $crate::provider_suite::run($open, $crate::provider_suite::$area::$case);
            }
        )*
    };
}

/// Compares a provider with its sheet.
///
/// # Panics
/// When they differ.
pub fn compare<C: Channel>(subject: &Subject<C>, sheet: [bool; 3]) {
    let said = subject.provider.capabilities();
    let abilities = [
        ("reports_start", said.reports_start),
        ("recognises_repeats", said.dedup_window.is_some()),
        ("looks_up", subject.provider.lookup().is_some()),
    ];
    for ((ability, said), sheet) in abilities.into_iter().zip(sheet) {
        assert_eq!(said, sheet, "{ability}: the provider and the sheet differ");
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// A case that is not listed would never run.
    #[test]
    fn every_case_is_listed() {
        let listed: Vec<&str> = include_str!("list.rs").lines().map(str::trim).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/provider_suite");
        let mut cases = 0;
        for file in fs::read_dir(folder).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            for line in text.lines() {
                let case = line
                    .strip_prefix("pub async fn ")
                    .and_then(|rest| rest.strip_suffix("<C: Channel>(s: Subject<C>) {"));
                if let Some(case) = case {
                    assert!(listed.contains(&case), "{case} is not in the list");
                    cases += 1;
                }
            }
        }
        assert!(cases > 12);
    }
}
