//! What every limiter has to do, as tests: one for each case.
//!
//! ```
//! use signalbus_core::limit::MemoryLimiter;
//!
//! signalbus_testkit::limiter_suite! {
//!     open: async || MemoryLimiter::new(),
//! }
//! ```
//!
//! The limits of the cases are so slow that the time a case takes does not matter to them.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

mod harness;

pub mod rates;
pub mod together;

pub use harness::Harness;

use signalbus_core::Limiter;

/// Runs one case on a limiter; [`limiter_suite!`](crate::limiter_suite!) calls it.
///
/// # Panics
/// When the case fails.
pub fn run<F, L>(open: F, case: impl AsyncFnOnce(Harness))
where
    F: AsyncFn() -> L,
    L: Limiter,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { case(Harness::new(open().await)).await });
}

/// Makes one test of each case; see [`limiter_suite`](mod@crate::limiter_suite).
#[macro_export]
macro_rules! limiter_suite {
    (open: $open:expr $(,)?) => {
        fn run_limiter_case(case: impl AsyncFnOnce($crate::limiter_suite::Harness)) {
            $crate::limiter_suite::run($open, case);
        }

        $crate::__limiter_tests! {
            rates {
                a_burst_is_there_at_once
                what_is_more_is_told_when
                what_is_refused_is_not_taken
                a_look_takes_nothing
                a_slot_ahead_is_reserved
                what_fits_is_granted
                a_batch_is_spread
                time_brings_slots
                another_limit_holds_at_once
            }
            together {
                keys_do_not_take_from_each_other
                answers_come_in_the_order_of_asks
                a_key_twice_is_refused
                an_empty_batch_is_fine
                many_at_once_get_no_more
                batches_that_cross_are_answered
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __limiter_tests {
    ($($area:ident { $($case:ident)* })*) => {
        $(
            mod $area {
                $(
                    #[test]
                    fn $case() {
                        super::run_limiter_case($crate::limiter_suite::$area::$case);
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
        crate::listed::assert_all_listed("limiter_suite", include_str!("mod.rs"));
    }
}
