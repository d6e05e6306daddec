//! Faults that are built in on purpose, so that the tests of the test tools can show that each of
//! them is found. Compiled only with the feature `__mutants`, and then off unless switched on.

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mutant {
    /// A result is written under an old epoch of its lane.
    SettleUnderOldEpoch,
    /// The bus is told that an event is stored before it is.
    AckBeforeCommit,
    /// A worker takes lanes of channels that it knows and cannot send on.
    LanesOfOthers,
    /// A claim is answered and not written.
    ClaimNotWritten,
    /// A retry is planned and claimed when the message has expired.
    RetryPastExpiry,
    /// A redrive starts what had ended for good.
    RequeueFromTerminal,
    /// The key of an event becomes visible a moment after the event.
    KeyAfterEvent,
    /// The suppression lists of all tenants are one.
    TenantLeftOut,
    /// A try is counted twice.
    CountedTwice,
    /// What a provider asked to wait is ignored.
    RetryAfterIgnored,
    /// Probes of an open breaker count as attempts.
    BreakerTimeCounts,
    /// What a newer version wrote to a bus is rejected.
    NewerIsRejected,
    /// What came from a bus without an id gets another each time it is read.
    IdAtRandom,
    /// One event that the store refuses stops all that came with it from a bus.
    RefusedStopsAll,
    /// A claim meets a pause and is written all the same.
    PausesIgnored,
    /// A delivery that waits for another is sent although that one reached the recipient.
    SentAfterReached,
    /// A delivery that was put off counts as a retry.
    LaterIsRetry,
    /// A lane is written by whichever call begins next.
    LanesMixed,
    /// A suspect is never tried alone.
    NeverAlone,
    /// A result that is not taken whole is left where it is.
    WholeOrNothing,
    /// A few failures in a row are an outage.
    DownAtOnce,
    /// What may have been sent by one provider is tried by another.
    ElsewhereInDoubt,
    /// Whoever comes first takes all slots.
    SlotsForOne,
}

#[cfg(feature = "__mutants")]
mod active {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    impl Mutant {
        /// Those that the simulation finds.
        pub const ALL: [Self; 13] = [
            Self::SettleUnderOldEpoch,
            Self::AckBeforeCommit,
            Self::LanesOfOthers,
            Self::ClaimNotWritten,
            Self::RetryPastExpiry,
            Self::RequeueFromTerminal,
            Self::KeyAfterEvent,
            Self::TenantLeftOut,
            Self::CountedTwice,
            Self::RetryAfterIgnored,
            Self::BreakerTimeCounts,
            Self::PausesIgnored,
            Self::SentAfterReached,
        ];

        /// Those that no run of the simulation meets: each is found by a story of its own.
        pub const OF_BUSES: [Self; 3] = [
            Self::NewerIsRejected,
            Self::IdAtRandom,
            Self::RefusedStopsAll,
        ];

        /// Those of workers: each is found by a story of its own.
        pub const OF_WORKERS: [Self; 6] = [
            Self::LanesMixed,
            Self::NeverAlone,
            Self::WholeOrNothing,
            Self::DownAtOnce,
            Self::ElsewhereInDoubt,
            Self::SlotsForOne,
        ];

        /// Switches one on, or none, for engines that run on this thread.
        pub fn activate(mutant: Option<Self>) {
            ACTIVE.set(mutant);
        }

        /// Whether it is switched on for this thread.
        #[must_use]
        pub fn is_active(self) -> bool {
            ACTIVE.get() == Some(self)
        }
    }
}

#[cfg(not(feature = "__mutants"))]
impl Mutant {
    /// Never: they are not compiled in.
    #[must_use]
    pub const fn is_active(self) -> bool {
        false
    }
}
