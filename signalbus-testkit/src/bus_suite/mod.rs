//! What every bus has to do, as tests: one for each case.
//!
//! ```
//! use signalbus::bus::MemoryBus;
//!
//! signalbus_testkit::bus_suite! {
//!     open: async |_topics| MemoryBus::new(),
//! }
//! ```
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

pub use harness::{Harness, Reader, text};

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
    (open: $open:expr $(,)?) => {
        fn run_bus_case(case: impl AsyncFnOnce($crate::bus_suite::Harness)) {
            $crate::bus_suite::run($open, case);
        }

        $crate::__bus_tests! {
            envelopes {
                an_envelope_arrives_whole
                a_key_stays_in_order
                offsets_rise
                a_limit_is_kept
                waiting_ends_with_news
                giving_up_loses_nothing
                topics_are_read_apart
                an_empty_batch_is_fine
            }
            groups {
                each_group_gets_all
                members_share_the_work
                a_member_that_leaves_is_replaced
            }
            positions {
                the_unacknowledged_comes_again
                the_acknowledged_does_not_come_again
                an_acknowledgement_covers_what_is_before
                a_reader_may_skip_what_is_stored
                a_reader_may_go_back
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
