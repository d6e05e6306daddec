//! What every directory has to do, as tests: one for each case.
//!
//! ```
//! use signalbus_core::directory::MemoryDirectory;
//!
//! signalbus_testkit::directory_suite! {
//!     shared: true,
//!     open: async |clock, place| place.keep(|| MemoryDirectory::with_clock(clock)),
//! }
//! ```
//!
//! `open` gets the clock the directory must go by and the [`Place`] of its data, and gives the
//! directory. Where it is `shared` it is called again for the same place, as another process does.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

mod harness;

pub mod budgets;
pub mod changes;
pub mod entries;
pub mod keys;
pub mod sharing;
pub mod trails;

pub use crate::store_suite::Place;
pub use harness::Harness;

use std::sync::Arc;

use signalbus_core::{Clock, Directory};

/// Runs one case on a new directory; [`directory_suite!`](crate::directory_suite!) calls it.
///
/// # Panics
/// When the case fails.
pub fn run<F, D>(open: F, case: impl AsyncFnOnce(Harness))
where
    F: AsyncFn(Arc<dyn Clock>, &Place) -> D + 'static,
    D: Directory,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { case(Harness::new(open).await).await });
}

/// Makes one test of each case; see [`directory_suite`](mod@crate::directory_suite).
#[macro_export]
macro_rules! directory_suite {
    (shared: true, open: $open:expr $(,)?) => {
        $crate::directory_suite!(shared: false, open: $open);

        $crate::__directory_tests! {
            sharing {
                a_revoked_key_is_refused_by_another_process
                two_processes_that_change_one_entry_do_not_both_win
                two_processes_that_spend_do_not_spend_more_than_there_is
            }
        }
    };
    (shared: false, open: $open:expr $(,)?) => {
        fn run_directory_case(case: impl AsyncFnOnce($crate::directory_suite::Harness)) {
            $crate::directory_suite::run($open, case);
        }

        $crate::__directory_tests! {
            entries {
                what_was_written_is_read
                an_entry_of_another_owner_is_not_there
                names_come_in_the_order_of_their_bytes_a_page_at_a_time
                a_list_is_narrowed_by_when_its_entries_were_changed
                a_name_of_any_letters_is_that_name_and_no_other
                any_json_comes_back_as_it_was
                what_was_changed_can_be_followed
            }
            changes {
                of_two_changes_to_one_revision_the_first_happens
                what_is_there_is_not_made_again
                all_changes_happen_or_none
                a_revision_never_comes_again
                what_no_directory_takes_is_refused
            }
            keys {
                a_key_is_found_by_its_name_alone
                a_name_of_a_key_is_used_once
                the_last_use_is_noted_and_changes_nothing_else
                who_comes_with_a_key_is_known
                an_expired_key_is_refused
                a_revoked_key_is_refused
                a_rotated_key_is_good_for_the_overlap
                another_pepper_knows_no_key
            }
            trails {
                every_change_leaves_a_line
                what_is_done_elsewhere_leaves_a_line
                a_trail_is_its_owners
                lines_are_filtered_and_come_newest_first
            }
            budgets {
                a_budget_is_spent_and_no_more
                of_several_budgets_all_are_spent_or_none
                what_is_given_back_can_be_spent_again
                budgets_of_tenants_and_windows_are_apart
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __directory_tests {
    ($($area:ident { $($case:ident)* })*) => {
        $(
            mod $area {
                $(
                    #[test]
                    fn $case() {
                        super::run_directory_case($crate::directory_suite::$area::$case);
                    }
                )*
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_is_listed() {
        crate::listed::assert_all_listed("directory_suite", include_str!("mod.rs"));
    }
}
