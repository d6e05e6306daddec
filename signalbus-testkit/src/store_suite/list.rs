//! The list of cases, and how they become tests.

use signalbus_core::store::{Shape, StoreFeatures};

/// Makes one test of each case; see [`store_suite`](mod@crate::store_suite).
#[macro_export]
macro_rules! store_suite {
    (durable: $durable:tt, shared: $shared:tt, open: $open:expr $(,)?) => {
        $crate::store_suite! {
            durable: $durable, shared: $shared, shapes: false, open: $open
        }
    };
    (durable: $durable:tt, shared: $shared:tt, shapes: $shapes:tt, open: $open:expr $(,)?) => {
        fn run_store_case(case: impl AsyncFnOnce($crate::store_suite::Harness)) {
            $crate::store_suite::run($open, case);
        }

        #[test]
        fn the_store_says_what_is_on_its_sheet() {
            run_store_case(async |harness| {
                let sheet = $crate::store_suite::list::sheet($durable, $shared, $shapes);
                $crate::store_suite::list::compare(harness.store().features(), sheet);
            });
        }

        $crate::__store_cases! { __store_tests { $durable $shared $shapes } }
    };
}

/// What a sheet says, in the words of a store.
#[must_use]
pub fn sheet(durable: bool, shared: bool, shapes: bool) -> StoreFeatures {
    let plain = StoreFeatures::none().durable(durable).shared(shared);
    let kept = Shape::ALL.iter().filter(|_| shapes);
    kept.fold(plain, |sheet, shape| sheet.keeps(*shape))
}

/// Compares what a store says of itself with its sheet: one that keeps some shapes only is tried
/// without them.
///
/// # Panics
/// When they differ.
#[track_caller]
pub fn compare(told: StoreFeatures, sheet: StoreFeatures) {
    assert_eq!((told.durable, told.shared), (sheet.durable, sheet.shared));
    for shape in Shape::ALL.into_iter().filter(|shape| sheet.has(*shape)) {
        assert!(told.has(shape), "it does not keep {}", shape.as_str());
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! __store_tests {
    ({ $durable:tt $shared:tt $shapes:tt } always $always:tt durable $if_durable:tt
     shared $if_shared:tt shapes $if_shapes:tt) => {
        $crate::__store_tests! { @true $always }
        $crate::__store_tests! { @$durable $if_durable }
        $crate::__store_tests! { @$shared $if_shared }
        $crate::__store_tests! { @$shapes $if_shapes }
    };
    (@false $areas:tt) => {};
    (@true { $($area:ident { $($case:ident)* })* }) => {
        $(
            mod $area {
                $(
                    #[test]
                    fn $case() {
                        super::run_store_case($crate::store_suite::$area::$case);
                    }
                )*
            }
        )*
    };
}

/// Hands all cases to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_cases {
    ($then:ident $arguments:tt) => {
        $crate::$then! {
            $arguments
            always {
                accept {
                    an_event_comes_with_all_its_deliveries
                    positions_rise_in_the_order_of_acceptance
                    a_delivery_may_end_when_it_is_accepted
                    answers_come_in_the_order_of_events
                    the_same_call_again_stores_nothing_new
                    the_event_id_of_another_tenant_is_a_conflict
                    content_and_files_come_with_the_claim
                    the_last_moment_there_is_holds_up_nothing
                }
                idempotency {
                    the_same_content_is_a_duplicate
                    other_content_is_a_conflict
                    a_batch_is_compared_with_itself
                    tenants_do_not_share_keys
                    keys_that_look_alike_are_different
                    without_a_key_nothing_is_a_duplicate
                    one_of_two_at_the_same_time_is_a_duplicate
                }
                bus_positions {
                    a_position_moves_with_its_events
                    a_stale_position_stores_nothing
                    one_of_two_consumers_wins
                    positions_stand_apart
                }
                lanes {
                    a_lone_worker_owns_all
                    renewing_keeps_the_epoch
                    a_lease_that_runs_is_respected
                    taking_over_raises_the_epoch
                    a_lapsed_lane_that_nobody_took_keeps_its_epoch
                    a_lost_lane_stays_lost
                    a_worker_that_leaves_frees_its_lanes
                    nobody_gives_up_what_another_owns
                a_worker_takes_lanes_of_its_channels
                workers_of_some_channels_share_the_work
                a_new_channel_is_shared_among_those_who_know_it
                partitions_are_lanes_of_their_own
                what_nobody_serves_is_told
                }
                windows {
                    a_ready_delivery_says_what_it_is
                    reading_takes_nothing_away
                    many_of_one_tenant_do_not_hide_the_few_of_another
                    a_group_is_read_from_the_front
                    a_class_that_is_cut_goes_on_behind_the_cut
                    a_class_that_is_not_cut_says_so
                    classes_are_read_apart
                    what_is_in_hand_is_skipped
                    only_lanes_that_are_held_are_read
                    unknown_channels_wait
                    what_is_for_later_waits
                    what_becomes_due_late_is_found
                    retries_have_their_own_window
                    what_waits_again_hides_nothing
                }
                order {
                    a_strict_successor_waits_for_a_retry
                    a_strict_successor_waits_for_a_claim
                    a_strict_successor_waits_for_a_scheduled_head
                    a_strict_successor_waits_for_any_earlier_one
                    a_strict_successor_passes_an_unordered_one
                    start_order_passes_a_strict_one_that_waits
                    a_cut_keeps_a_strict_head_in_front
                    who_is_blocked_holds_others_back
                    a_claim_meets_the_order
                    the_order_outlasts_a_jump_of_the_wall_clock
                    a_jump_of_the_wall_clock_brings_no_retry_forward
                    nobody_waits_for_the_unordered
                    a_dead_head_is_skipped
                    a_dead_head_blocks_where_asked
                    a_dead_head_is_passed_by_a_redrive_past_its_time
                    a_dead_head_blocks_what_comes_later
                    a_redriven_head_takes_its_old_place
                    every_end_lets_the_next_go
                    a_retry_does_not_hold_back_where_starts_are_ordered
                    without_order_nothing_waits
                    others_do_not_wait
                }
                claims {
                    a_claim_begins_an_attempt
                    the_same_claim_again_is_claimed
                    a_claim_names_exactly_what_it_means
                    a_claim_names_its_lane
                    a_claim_needs_its_lease
                    answers_come_in_the_order_of_claims
                }
                refusals {
                    the_expired_is_refused_and_ends
                    what_is_about_to_expire_is_sent
                    the_suppressed_is_refused_and_ends
                    what_was_refused_stays_refused
                    lists_stand_apart
                    an_address_can_be_taken_off
                    a_result_may_suppress_its_address
                    a_late_result_suppresses_nothing
                    of_two_causes_the_graver_stays
                    a_suppression_may_bind_one_sender_or_category
                    the_list_of_a_tenant_comes_a_page_at_a_time
                    the_list_of_all_tenants_binds_each
                    only_the_named_entry_is_taken_off
                    the_list_can_be_asked
                }
                results {
                    an_accepted_delivery_has_ended
                    a_retry_waits_its_time
                    the_same_result_again_changes_nothing
                    a_flush_may_be_repeated
                    a_result_names_exactly_what_it_means
                    an_end_is_final
                    every_end_can_be_written
                    the_history_has_every_attempt
                    a_rendering_is_kept_for_the_next_try
                }
                fencing {
                    a_zombie_changes_nothing
                    a_zombie_cannot_repeat_its_claim
                    one_lost_lane_does_not_spoil_the_others
                    the_next_owner_hears_of_interrupted_claims
                    an_interrupted_claim_is_not_granted_again
                    the_next_owner_settles_interrupted_claims
                    interrupted_claims_are_not_forgotten
                    interrupted_claims_come_a_thousand_at_once
                    a_slow_worker_that_nobody_replaced_may_write
                    a_lane_that_was_given_up_is_lost
                    a_result_names_the_lane_of_its_delivery
                }
                cancel {
                    what_waits_is_cancelled
                    what_waits_for_later_is_cancelled
                    an_event_is_cancelled_whole
                    what_is_in_flight_is_not_tried_again
                    cancelling_twice_changes_nothing_more
                    a_tenant_cancels_only_its_own
                }
                redrives {
                    a_dead_delivery_gets_a_new_generation
                    two_redrives_cannot_both_win
                    an_earlier_generation_is_not_redriven_again
                    a_filter_leaves_out_addresses_that_cannot_be_used
                    naming_it_twice_starts_it_once
                    only_what_ended_badly_is_redriven
                    the_old_generation_is_fenced
                    a_filter_takes_the_oldest_first
                    an_empty_filter_takes_only_what_can_be_redriven
                    redriven_deliveries_are_spread_out
                    a_dry_run_changes_nothing
                    a_redrive_may_give_more_time
                    frozen_content_keeps_the_rendering
                    a_new_generation_is_not_called_off
                    a_tenant_redrives_only_its_own
                    unknown_ids_are_skipped
                }
                receipts {
                    the_ladder_goes_upwards_only
                    the_same_receipt_again_is_a_duplicate
                    receipt_ids_belong_to_an_account
                    a_receipt_may_name_the_delivery
                    a_receipt_stays_with_its_tenant
                    a_receipt_stays_with_its_provider
                    evidence_resolves_an_unknown_outcome
                    evidence_may_come_before_the_result
                    evidence_stops_another_try
                    receipts_do_not_wake_the_dead
                    a_new_generation_begins_without_receipts
                    an_early_receipt_is_applied_with_the_result
                    an_early_receipt_is_forgotten_in_the_end
                    an_early_receipt_may_name_the_delivery
                    the_end_stands_beside_its_evidence
                    a_parked_receipt_waits_for_its_own_account
                    a_receipt_may_suppress_the_address
                    an_early_receipt_may_suppress_the_address
                    an_account_may_serve_all_tenants
                    a_channel_may_have_a_ladder_of_its_own
                    what_the_provider_said_is_kept
                }
                queries {
                    the_unknown_is_not_found
                    a_tenant_sees_only_its_own
                    pages_follow_each_other
                    a_page_needs_room
                    filters_narrow
                    one_message_is_found
                    a_tally_counts_by_kind
                }
                recipients {
                    a_claim_brings_what_is_its_recipients_own
                    an_event_is_shown_with_its_recipients
                    files_are_asked_for_apart
                    a_secret_ends_with_a_result
                    a_secret_ends_with_a_cancel
                    a_secret_ends_with_a_refusal
                    a_secret_of_nothing_to_send_is_not_kept
                    a_person_is_found
                }
                erasure {
                    a_person_is_forgotten_over_all_tables
                    a_result_of_an_erased_person_comes_too_late
                    a_person_is_found_by_address
                    an_erasure_keeps_to_its_limit
                    the_rest_goes_on_after_an_erasure
                    the_suppression_list_outlives_an_erasure
                }
                purges {
                    only_what_has_ended_is_forgotten
                    what_is_kept_is_said_by_end_and_class
                    a_purge_keeps_to_its_limit
                    a_key_is_forgotten_with_its_event
                    what_was_forgotten_is_gone
                    positions_are_not_used_again
                    a_forgotten_head_blocks_nobody
                }
            }
            durable {
                restart {
                    what_was_accepted_survives
                    keys_survive
                    claims_survive
                    epochs_survive
                    results_survive
                    cancellations_survive
                    suppressions_survive
                    bus_positions_survive
                    receipts_survive
                    positions_go_on_rising
                }
            }
            shared {
                sharing {
                    a_newcomer_gets_its_share
                    nobody_goes_short
                    lanes_come_to_rest
                    the_lanes_of_the_dead_are_shared_out
                    processes_see_one_store
                    one_of_two_owners_sends
                }
            }
            shapes {
                later {
                    what_was_put_off_waits_its_time
                    only_sends_count_as_tries
                    what_was_called_off_is_not_put_off
                    a_memo_comes_back
                    a_retry_waits_no_longer_when_the_clock_goes_back
                    a_given_time_stays_so
                }
                takes {
                    a_claim_that_finds_too_little_is_put_off
                    a_claim_takes_all_or_nothing
                    a_result_gives_back_once
                    only_what_is_sent_is_taken
                }
                children {
                    a_result_stores_what_follows
                    a_late_result_stores_nothing
                }
                siblings {
                    it_waits_while_the_sibling_is_on_its_way
                    it_is_sent_when_the_sibling_fails
                    it_is_not_needed_when_the_sibling_works
                    a_receipt_in_time_calls_it_off
                    all_that_a_batch_says_comes_before_what_follows
                    a_batch_is_weighed_as_a_whole
                    it_is_sent_when_its_time_has_come
                    a_bounce_sends_it_at_once
                    a_claim_meets_what_was_heard
                    what_was_reached_is_passed_on
                    every_other_end_of_the_sibling_lets_it_go
                    its_own_retry_keeps_its_time
                    it_expires_while_it_waits
                    a_new_generation_waits_for_nobody
                    a_secret_goes_with_what_is_not_needed
                }
                pauses {
                    a_claim_meets_a_pause
                    a_pause_is_as_wide_as_it_says
                    pauses_are_kept
                    what_was_held_comes_back_in_batches
                    what_another_pause_holds_stays
                    what_is_held_may_be_called_off
                    a_held_head_keeps_its_place
                    what_expired_meanwhile_is_not_sent
                }
                shapes {
                    words_come_back_as_they_were_given
                    a_pool_has_a_window_of_its_own
                    a_cut_between_pools_goes_on_behind_it
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_is_listed() {
        crate::listed::assert_all_listed("store_suite", include_str!("list.rs"));
    }
}
