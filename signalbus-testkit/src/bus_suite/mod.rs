//! What every bus has to do, as tests: one for each case.
//!
//! ```
//! use signalbus::bus::MemoryBus;
//!
//! signalbus_testkit::bus_suite! {
//!     kind: positioned,
//!     open: async |_topics| MemoryBus::new(),
//! }
//! ```
//!
//! `kind` is `positioned` or `acknowledged`.
//!
//! `open` gets the names of the topics the case will use, makes them where they must be made, and
//! gives the bus.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

mod harness;

pub mod envelopes;
pub mod groups;
pub mod positions;
pub mod sharing;

pub use harness::{Harness, Reader, offset, text};

use harness::in_time;
use signalbus_core::Bus;

/// Runs one case on a new bus; [`bus_suite!`](crate::bus_suite!) calls it.
///
/// # Panics
/// When the case fails.
pub fn run<F, B>(open: F, case: impl AsyncFnOnce(Harness))
where
    F: AsyncFn(&[String]) -> B,
    B: Bus,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { case(Harness::new(open).await).await });
}

/// Makes one test of each case; see [`bus_suite`](mod@crate::bus_suite).
#[macro_export]
macro_rules! bus_suite {
    (kind: $kind:ident, open: $open:expr $(,)?) => {
        fn run_bus_case(case: impl AsyncFnOnce($crate::bus_suite::Harness)) {
            $crate::bus_suite::run($open, case);
        }

        $crate::__bus_tests! {
            envelopes {
                an_envelope_arrives_whole
                a_key_stays_in_order
                a_limit_is_kept
                waiting_ends_with_news
                giving_up_loses_nothing
                topics_are_read_apart
                an_empty_batch_is_fine
            }
            groups {
                each_group_gets_all
                the_unacknowledged_comes_again
                lag_is_what_waits
            }
        }
        $crate::__bus_tests_of! { $kind }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __bus_tests_of {
    (positioned) => {
        $crate::__bus_tests! {
            positions {
                it_has_partitions
                offsets_rise
                keys_spread
                partitions_are_read_by_whom_they_are_assigned_to
                a_partition_changes_hands
                what_stays_assigned_goes_on
                a_reader_may_start_at_the_end
                a_reader_may_start_at_a_time
                a_place_that_is_gone_is_told
            }
        }
    };
    (acknowledged) => {
        $crate::__bus_tests! {
            sharing {
                it_has_no_partitions
                members_share_the_work
                a_member_that_leaves_is_replaced
                the_acknowledged_does_not_come_again
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __bus_tests {
    ($($area:ident { $($case:ident)* })*) => {
        $(
            mod $area {
                $(
                    #[test]
                    fn $case() {
                        super::run_bus_case($crate::bus_suite::$area::$case);
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
        crate::listed::assert_all_listed("bus_suite", include_str!("mod.rs"));
    }
}
