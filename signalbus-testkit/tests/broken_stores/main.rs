//! The store suite can fail: each of these stores breaks one promise, and the case that guards it
//! says so, while the same case passes on the honest store.

mod broken;
#[cfg(feature = "model")]
mod model;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use broken::{Broken, Fault};
use signalbus::{Clock, store::MemoryStore};
use signalbus_testkit::{
    Layered,
    store_suite::{
        Harness, LANES, Place, accept, bus_positions, cancel, claims, erasure, fencing,
        idempotency, lanes, order, purges, queries, receipts, recipients, redrives, refusals,
        restart, results, run, sharing, windows,
    },
};

macro_rules! caught {
    ($($test:ident: $fault:ident breaks $area:ident::$case:ident;)*) => {
        $(
            #[test]
            fn $test() {
                with_fault(None, $area::$case);
                let broken = || with_fault(Some(Fault::$fault), $area::$case);
                assert_fails(broken);
            }
        )*
    };
}

caught! {
    the_second_of_a_batch_is_lost:
        LosesTheSecond breaks accept::positions_rise_in_the_order_of_acceptance;
    files_are_lost:
        LosesFiles breaks accept::content_and_files_come_with_the_claim;
    keys_are_lost:
        LosesKeys breaks idempotency::the_same_content_is_a_duplicate;
    stale_positions_move:
        MovesStalePositions breaks bus_positions::a_stale_position_stores_nothing;
    lanes_of_other_channels_are_taken:
        TakesLanesOfOthers breaks lanes::a_worker_takes_lanes_of_its_channels;
    the_unserved_are_hidden:
        HidesTheUnserved breaks lanes::what_nobody_serves_is_told;
    lanes_that_run_are_taken:
        TakesRunningLanes breaks lanes::a_lease_that_runs_is_respected;
    windows_are_not_kept:
        IgnoresTheWindow breaks windows::many_of_one_tenant_do_not_hide_the_few_of_another;
    a_cursor_passes_late_rows:
        KeepsACursor breaks windows::what_becomes_due_late_is_found;
    successors_come_early:
        IgnoresStrictOrder breaks order::a_strict_successor_waits_for_a_retry;
    answers_come_backwards:
        AnswersBackwards breaks claims::answers_come_in_the_order_of_claims;
    the_expired_is_sent:
        ForgetsExpiry breaks refusals::the_expired_is_refused_and_ends;
    late_results_suppress:
        SuppressesTwice breaks refusals::a_late_result_suppresses_nothing;
    results_apply_twice:
        AppliesTwice breaks results::the_same_result_again_changes_nothing;
    retries_come_at_once:
        RetriesAtOnce breaks results::a_retry_waits_its_time;
    renderings_are_lost:
        LosesRenderings breaks results::a_rendering_is_kept_for_the_next_try;
    zombies_write:
        IgnoresEpochs breaks fencing::a_zombie_changes_nothing;
    interrupted_claims_are_hidden:
        HidesInterrupted breaks fencing::the_next_owner_hears_of_interrupted_claims;
    cancelled_sends_are_retried:
        ForgetsInFlightCancels breaks cancel::what_is_in_flight_is_not_tried_again;
    both_redrives_win:
        LetsBothRedrivesWin breaks redrives::two_redrives_cannot_both_win;
    receipts_count_twice:
        CountsReceiptsTwice breaks receipts::the_same_receipt_again_is_a_duplicate;
    tenants_read_each_other:
        ForgetsTenants breaks queries::a_tenant_sees_only_its_own;
    too_much_is_purged:
        PurgesTooMuch breaks purges::only_what_has_ended_is_forgotten;
    all_is_kept_for_the_shortest_time:
        PurgesByTheShortest breaks purges::what_is_kept_is_said_by_end_and_class;
    recipients_are_lost:
        LosesRecipients breaks recipients::a_claim_brings_what_is_its_recipients_own;
    persons_are_lost:
        LosesRecipients breaks recipients::a_person_is_found;
    secrets_outlive_a_result:
        KeepsSecrets breaks recipients::a_secret_ends_with_a_result;
    secrets_outlive_a_cancel:
        KeepsSecrets breaks recipients::a_secret_ends_with_a_cancel;
    secrets_outlive_a_refusal:
        KeepsSecrets breaks recipients::a_secret_ends_with_a_refusal;
    the_size_of_files_is_hidden:
        HidesTheSizeOfFiles breaks recipients::files_are_asked_for_apart;
    addresses_are_not_looked_at:
        ErasesByKeyAlone breaks erasure::a_person_is_found_by_address;
    not_all_is_erased:
        ErasesOneOnly breaks erasure::a_person_is_forgotten_over_all_tables;
}

/// A store that is gone with its process is not durable.
#[test]
fn what_is_not_durable_is_caught() {
    assert_fails(|| with_own_memory(restart::what_was_accepted_survives));
}

/// Two processes with a store each do not share one.
#[test]
fn what_is_not_shared_is_caught() {
    assert_fails(|| with_own_memory(sharing::processes_see_one_store));
}

fn with_fault(fault: Option<Fault>, case: impl AsyncFnOnce(Harness)) {
    let open = async move |clock: Arc<dyn Clock>, place: &Place| {
        place.keep(|| Layered(Broken::new(honest(clock), fault)))
    };
    run(open, case);
}

/// Each time it is opened, the store is empty.
fn with_own_memory(case: impl AsyncFnOnce(Harness)) {
    run(async |clock: Arc<dyn Clock>, _: &Place| honest(clock), case);
}

fn honest(clock: Arc<dyn Clock>) -> MemoryStore {
    MemoryStore::builder().clock(clock).lanes(LANES).build()
}

fn assert_fails(case: impl FnOnce()) {
    let outcome = catch_unwind(AssertUnwindSafe(case));
    assert!(outcome.is_err(), "the case passed on a broken store");
}
