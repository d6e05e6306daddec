//! A checker that never failed is no evidence: each fault that is built in on purpose is found,
//! by the invariant that should find it, within a few seeds.

#![cfg(feature = "mutants")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which say what was found"
)]

use signalbus::mutant::Mutant;
use signalbus_sim::{
    history::Invariant,
    sim::{Mode, Script, run},
};

/// Seeds that each mutant may live through.
const SEEDS: u64 = 400;

fn dies(mutant: Mutant, invariant: Invariant) {
    let mut found = Vec::new();
    for seed in 0..SEEDS {
        let script = Script::new(seed, Mode::Safety);
        Mutant::activate(Some(mutant));
        let run = run(&script).unwrap();
        Mutant::activate(None);
        found.extend(run.violations.iter().map(|broken| broken.invariant));
        if found.contains(&invariant) {
            println!("{mutant:?}: {} with seed {seed}", invariant.code());
            return;
        }
    }
    found.sort_unstable();
    found.dedup();
    panic!("{mutant:?} was not found by {invariant:?} in {SEEDS} seeds; found by {found:?}");
}

macro_rules! mutants {
    ($($name:ident: $mutant:ident by $invariant:ident;)*) => {
        $(
            #[test]
            fn $name() {
                dies(Mutant::$mutant, Invariant::$invariant);
            }
        )*

        #[test]
        fn no_mutant_is_left_out() {
            assert_eq!([$(Mutant::$mutant),*], Mutant::ALL);
        }
    };
}

mutants! {
    a_settle_under_an_old_epoch: SettleUnderOldEpoch by Final;
    an_ack_before_the_commit: AckBeforeCommit by Accounted;
    lanes_of_channels_one_cannot_send_on: LanesOfOthers by Live;
    a_claim_that_is_not_written: ClaimNotWritten by BoundedDuplicates;
    a_retry_past_its_expiry: RetryPastExpiry by Polite;
    a_requeue_from_a_terminal_state: RequeueFromTerminal by Final;
    a_key_stored_after_its_event: KeyAfterEvent by Idempotent;
    a_tenant_left_out_of_a_query: TenantLeftOut by Isolated;
    a_metric_counted_twice: CountedTwice by Conserved;
    a_retry_after_that_is_ignored: RetryAfterIgnored by Polite;
    breaker_time_counted_as_attempts: BreakerTimeCounts by Polite;
    a_pause_that_is_ignored: PausesIgnored by Held;
    a_message_sent_although_another_reached: SentAfterReached by Sibling;
}
