//! Hand-written histories: for each invariant a bad one that is rejected, and beside it a good one
//! that differs in what makes it good.

mod tale;

use std::{collections::BTreeMap, time::Duration};

use signalbus::{
    Order,
    provider::{Fault, Outcome},
    store::{AttemptOutcome, EndState, Reason, State},
};

use super::{Answer, Broken, Counters, Invariant, Said, Seen, check};
use tale::Tale;

/// The bad one breaks this invariant, the good one none.
#[track_caller]
fn compare(invariant: Invariant, bad: Tale, good: Tale) {
    let good = check(&good.history());
    assert!(good.is_empty(), "the good one is rejected: {good:#?}");
    let bad = check(&bad.history());
    assert!(
        bad.iter().any(|broken| broken.invariant == invariant),
        "the bad one does not break {invariant:?}: {bad:#?}"
    );
}

const RETRYABLE: Answer = Answer::Failed {
    outcome: Outcome::Retryable,
    fault: Fault::Provider,
    retry_after: None,
};

#[test]
fn c1_what_was_accepted_is_there() {
    let mut bad = Tale::sent();
    bad.ends.clear();
    compare(Invariant::Accounted, bad, Tale::sent());
}

#[test]
fn c1_an_end_has_its_reason_in_the_history() {
    let mut bad = Tale::sent();
    bad.ends[0].history.clear();
    compare(Invariant::Accounted, bad, Tale::sent());
}

#[test]
fn c1_what_is_called_sent_was_taken() {
    let mut bad = Tale::new();
    let publish = bad.published(1, "person");
    bad.claimed(1, 1);
    bad.accepted(1, 1);
    bad.end(1, State::Ended(EndState::Accepted), Reason::Sent);
    let mut good = Tale::new();
    assert_eq!(good.published(1, "person"), publish);
    good.delivered(1, &publish);
    compare(Invariant::Accounted, bad, good);
}

#[test]
fn c2_what_was_not_stored_is_not_sent() {
    let tale = |told: fn(u64) -> Seen| {
        let mut tale = Tale::new();
        let publish = tale.publish(1, "person");
        tale.see("publisher", told(publish.call));
        tale.stored(1, &publish);
        tale.delivered(1, &publish);
        tale
    };
    compare(
        Invariant::Wanted,
        tale(|call| Seen::NotPublished { call }),
        tale(|call| Seen::PublishUnknown { call }),
    );
}

#[test]
fn c1_an_end_without_a_try_says_why() {
    let tale = |detail| {
        let mut tale = Tale::new();
        tale.published(1, "person");
        tale.suppressed("one", "person@mail");
        tale.refused_saying(1, EndState::Suppressed, Reason::Suppressed, detail);
        tale
    };
    compare(Invariant::Accounted, tale(None), tale(Some("manual")));
}

#[test]
fn c2_a_suppressed_address_gets_nothing() {
    let tale = |first: bool| {
        let mut tale = Tale::new();
        let publish = tale.published(1, "person");
        if first {
            tale.suppressed("one", "person@mail");
        }
        tale.delivered(1, &publish);
        if !first {
            tale.suppressed("one", "person@mail");
        }
        tale
    };
    compare(Invariant::Wanted, tale(true), tale(false));
}

#[test]
fn c3_a_second_send_has_a_cause() {
    let tale = |answer: Answer, outcome: AttemptOutcome| {
        let mut tale = Tale::new();
        let publish = tale.published(1, "person");
        tale.claimed(1, 1);
        tale.request(1, 1, &publish, Some(answer));
        tale.retried(1, 1, outcome, Fault::Provider);
        tale.pass(Duration::from_secs(60));
        tale.sent_in(1, 2, &publish);
        tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        tale
    };
    compare(
        Invariant::BoundedDuplicates,
        tale(Answer::Taken, AttemptOutcome::Failed(Outcome::Retryable)),
        tale(Answer::Nothing, AttemptOutcome::Failed(Outcome::Unknown)),
    );
}

#[test]
fn c3_a_record_is_lost_only_in_a_crash_before() {
    let tale = |first: bool| {
        let mut tale = Tale::new();
        let publish = tale.published(1, "person");
        tale.claimed(1, 1);
        tale.request(1, 1, &publish, Some(Answer::Taken));
        let worker = "worker".to_owned();
        let crash = Seen::Fault(Broken::Crashed { worker });
        if first {
            tale.see("nemesis", crash.clone());
        }
        tale.retried(1, 1, AttemptOutcome::Interrupted, Fault::Provider);
        if !first {
            tale.see("nemesis", crash);
        }
        tale.pass(Duration::from_secs(60));
        tale.sent_in(1, 2, &publish);
        tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        tale
    };
    compare(Invariant::BoundedDuplicates, tale(false), tale(true));
}

#[test]
fn c3_a_record_is_lost_only_in_a_crash() {
    let tale = |crash: bool| {
        let mut tale = Tale::new();
        let publish = tale.published(1, "person");
        tale.claimed(1, 1);
        tale.request(1, 1, &publish, Some(Answer::Taken));
        if crash {
            let worker = "worker".to_owned();
            tale.see("nemesis", Seen::Fault(Broken::Crashed { worker }));
        }
        tale.retried(1, 1, AttemptOutcome::Interrupted, Fault::Provider);
        tale.pass(Duration::from_secs(60));
        tale.sent_in(1, 2, &publish);
        tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        tale
    };
    compare(Invariant::BoundedDuplicates, tale(false), tale(true));
}

/// The answer to the first try was lost; what happens before the second.
fn tried_twice(tale: &mut Tale, between: impl FnOnce(&mut Tale)) {
    let publish = tale.published(1, "person");
    tale.claimed(1, 1);
    tale.request(1, 1, &publish, Some(Answer::Nothing));
    let unknown = AttemptOutcome::Failed(Outcome::Unknown);
    tale.retried(1, 1, unknown, Fault::Provider);
    tale.pass(Duration::from_secs(60));
    tale.claimed(1, 2);
    between(tale);
    tale.request(1, 2, &publish, Some(Answer::Taken));
    tale.accepted(1, 2);
    tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
}

#[test]
fn c3_a_provider_that_can_be_asked_is_asked_and_believed() {
    let tale = |said: Option<Option<bool>>| {
        let mut tale = Tale::new();
        tale.able(true);
        tried_twice(&mut tale, |tale| {
            if let Some(taken) = said {
                tale.looked_up(1, taken);
            }
        });
        tale
    };
    for bad in [None, Some(Some(true)), Some(Some(false))] {
        compare(Invariant::BoundedDuplicates, tale(bad), tale(Some(None)));
    }
}

#[test]
fn c3_at_most_once_a_repeat_has_to_be_recognised() {
    let tale = |repeat: bool| {
        let mut tale = Tale::new();
        tale.at_most_once();
        tale.able(false);
        tried_twice(&mut tale, |tale| tale.repeat = repeat);
        tale
    };
    compare(Invariant::BoundedDuplicates, tale(false), tale(true));
}

#[test]
fn c1_what_is_purged_has_ended() {
    let tale = |ended: bool| {
        let mut tale = Tale::new();
        let publish = tale.published(1, "person");
        if ended {
            tale.delivered(1, &publish);
        }
        tale.purged(1);
        if !ended {
            tale.delivered(1, &publish);
        }
        tale
    };
    compare(Invariant::Accounted, tale(false), tale(true));
}

#[test]
fn c1_what_nobody_can_read_is_recorded() {
    let tale = |recorded: bool| {
        let mut tale = Tale::sent();
        tale.see("stranger", Seen::Garbage { handed: true });
        if recorded {
            tale.unreadable(2);
        }
        tale
    };
    compare(Invariant::Accounted, tale(false), tale(true));
}

#[test]
fn c4_nothing_starts_after_the_end() {
    let tale = |redriven: bool| {
        let mut tale = Tale::new();
        let publish = tale.published(1, "person");
        tale.claimed(1, 1);
        tale.request(1, 1, &publish, Some(RETRYABLE));
        tale.died(1, 1);
        if redriven {
            tale.redriven(1);
        }
        let attempt = if redriven { 1 } else { 2 };
        tale.sent_in(1, attempt, &publish);
        tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        tale
    };
    compare(Invariant::Final, tale(false), tale(true));
}

#[test]
fn c4_a_write_names_the_current_epoch() {
    let tale = |taken_over: bool| {
        let mut tale = Tale::new();
        let publish = tale.published(1, "person");
        tale.claimed(1, 1);
        tale.request(1, 1, &publish, Some(Answer::Taken));
        if taken_over {
            tale.see("other", Seen::Held { lane: 0, epoch: 2 });
        }
        tale.accepted(1, 1);
        tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        tale
    };
    compare(Invariant::Final, tale(true), tale(false));
}

#[test]
fn c5_first_sends_start_in_publish_order() {
    let tale = |order: [u64; 2]| {
        let mut tale = Tale::new();
        let publishes = [1, 2].map(|nth| tale.published(nth, "person"));
        for nth in order {
            let publish = if nth == 1 {
                &publishes[0]
            } else {
                &publishes[1]
            };
            tale.delivered(nth, publish);
        }
        tale
    };
    compare(Invariant::Ordered, tale([2, 1]), tale([1, 2]));
}

#[test]
fn c5_a_strict_message_waits_for_the_end_of_the_one_before() {
    let tale = |order: Order| {
        let mut tale = Tale::new();
        tale.order = order;
        let publishes = [1, 2].map(|nth| tale.published(nth, "person"));
        tale.claimed(1, 1);
        tale.request(1, 1, &publishes[0], Some(RETRYABLE));
        tale.retried(
            1,
            1,
            AttemptOutcome::Failed(Outcome::Retryable),
            Fault::Provider,
        );
        tale.delivered(2, &publishes[1]);
        tale.pass(Duration::from_secs(60));
        tale.sent_in(1, 2, &publishes[0]);
        tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        tale
    };
    compare(Invariant::Ordered, tale(Order::Strict), tale(Order::Start));
}

#[test]
fn c5_a_strict_message_waits_however_the_one_before_is_ordered() {
    let tale = |order: Order| {
        let mut tale = Tale::new();
        tale.order = Order::Start;
        let first = tale.published(1, "person");
        tale.order = order;
        let second = tale.published(2, "person");
        tale.claimed(1, 1);
        tale.request(1, 1, &first, Some(RETRYABLE));
        let failed = AttemptOutcome::Failed(Outcome::Retryable);
        tale.retried(1, 1, failed, Fault::Provider);
        tale.delivered(2, &second);
        tale.pass(Duration::from_secs(60));
        tale.sent_in(1, 2, &first);
        tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        tale
    };
    for good in [Order::Start, Order::Unordered] {
        compare(Invariant::Ordered, tale(Order::Strict), tale(good));
    }
}

/// One ordered by start passes a strict one only when that one has to wait.
#[test]
fn c5_nothing_is_passed_that_may_go() {
    let tale = |head_is_retried: bool| {
        let mut tale = Tale::new();
        let head = tale.published(1, "person");
        tale.claimed(1, 1);
        if head_is_retried {
            tale.request(1, 1, &head, Some(RETRYABLE));
            let failed = AttemptOutcome::Failed(Outcome::Retryable);
            tale.retried(1, 1, failed, Fault::Provider);
        } else {
            tale.request(1, 1, &head, Some(Answer::Taken));
            tale.accepted(1, 1);
            tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        }
        tale.order = Order::Strict;
        let strict = tale.published(2, "person");
        tale.order = Order::Start;
        let start = tale.published(3, "person");
        tale.delivered(3, &start);
        if head_is_retried {
            tale.pass(Duration::from_secs(60));
            tale.sent_in(1, 2, &head);
            tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        }
        tale.delivered(2, &strict);
        tale
    };
    compare(Invariant::Ordered, tale(false), tale(true));
}

#[test]
fn c6_a_key_stands_for_one_event_until_it_is_purged() {
    let tale = |purged: bool| {
        let mut tale = Tale::new();
        tale.key = Some("key");
        let publish = tale.published(1, "person");
        tale.delivered(1, &publish);
        if purged {
            tale.purged(1);
        }
        let again = tale.publish_again(&publish);
        tale.stored(2, &again);
        tale.told(2, &again, Said::Accepted);
        tale.delivered(2, &again);
        tale
    };
    compare(Invariant::Idempotent, tale(false), tale(true));
}

#[test]
fn c6_a_key_stands_for_one_event() {
    let tale = |verdict: Said| {
        let mut tale = Tale::new();
        tale.key = Some("key");
        let publish = tale.published(1, "person");
        tale.delivered(1, &publish);
        let again = tale.publish_again(&publish);
        let nth = if verdict == Said::Accepted { 2 } else { 1 };
        if verdict == Said::Accepted {
            tale.stored(nth, &again);
        }
        tale.told(nth, &again, verdict);
        if verdict == Said::Accepted {
            tale.delivered(nth, &again);
        }
        tale
    };
    compare(
        Invariant::Idempotent,
        tale(Said::Accepted),
        tale(Said::Duplicate),
    );
}

#[test]
fn c7_a_list_of_another_tenant_suppresses_nothing() {
    let tale = |tenant: &str| {
        let mut tale = Tale::new();
        tale.published(1, "person");
        tale.suppressed(tenant, "person@mail");
        tale.refused(1, EndState::Suppressed, Reason::Suppressed);
        tale
    };
    compare(Invariant::Isolated, tale("two"), tale("one"));
}

#[test]
fn c7_a_foreign_name_reaches_nothing() {
    let tale = |reached: u64| {
        let mut tale = Tale::sent();
        let what = "a cancel".to_owned();
        tale.see("operator", Seen::Foreign { what, reached });
        tale
    };
    compare(Invariant::Isolated, tale(1), tale(0));
}

#[test]
fn c8_a_retry_waits_as_long_as_it_was_told() {
    let tale = |waits: Duration| {
        let mut tale = Tale::new();
        let publish = tale.published(1, "person");
        tale.claimed(1, 1);
        let throttled = Answer::Failed {
            outcome: Outcome::Retryable,
            fault: Fault::Quota,
            retry_after: Some(Duration::from_secs(30)),
        };
        tale.request(1, 1, &publish, Some(throttled));
        tale.retried(
            1,
            1,
            AttemptOutcome::Failed(Outcome::Retryable),
            Fault::Quota,
        );
        tale.pass(waits);
        tale.sent_in(1, 2, &publish);
        tale.end(1, State::Ended(EndState::Accepted), Reason::Sent);
        tale
    };
    compare(
        Invariant::Polite,
        tale(Duration::from_secs(29)),
        tale(Duration::from_secs(31)),
    );
}

#[test]
fn c7_a_heap_of_one_tenant_lets_another_have_its_turn() {
    let tale = |before: u64| {
        let mut tale = Tale::new();
        tale.rules.unfairness = Some(3);
        tale.order = Order::Unordered;
        let heap: Vec<_> = (2..12).map(|nth| tale.published(nth, "person")).collect();
        tale.tenant = "two";
        let one = tale.published(1, "other");
        for (nth, publish) in (2..).zip(&heap) {
            if nth - 2 == before {
                tale.delivered(1, &one);
            }
            tale.tenant = "one";
            tale.delivered(nth, publish);
            tale.tenant = "two";
        }
        tale
    };
    compare(Invariant::Isolated, tale(6), tale(4));
}

#[test]
fn c8_no_attempt_goes_beyond_the_cap() {
    let tale = |attempts: u32| {
        let mut tale = Tale::new();
        tale.most = 3;
        let publish = tale.published(1, "person");
        for attempt in 1..attempts {
            tale.claimed(1, attempt);
            tale.request(1, attempt, &publish, Some(RETRYABLE));
            let failed = AttemptOutcome::Failed(Outcome::Retryable);
            tale.retried(1, attempt, failed, Fault::Provider);
            tale.pass(Duration::from_secs(60));
        }
        tale.claimed(1, attempts);
        tale.request(1, attempts, &publish, Some(RETRYABLE));
        tale.died(1, attempts);
        tale.end(1, State::Ended(EndState::Dead), Reason::AttemptsExhausted);
        tale
    };
    compare(Invariant::Polite, tale(4), tale(3));
}

#[test]
fn c8_attempts_are_not_given_up_early() {
    let tale = |most: u32| {
        let mut tale = Tale::new();
        tale.most = most;
        let publish = tale.published(1, "person");
        tale.claimed(1, 1);
        tale.request(1, 1, &publish, Some(RETRYABLE));
        tale.died(1, 1);
        tale.end(1, State::Ended(EndState::Dead), Reason::AttemptsExhausted);
        tale
    };
    compare(Invariant::Polite, tale(2), tale(1));
}

#[test]
fn c9_all_is_done_in_the_end() {
    let tale = |broken: bool| {
        let mut tale = Tale::new();
        tale.published(1, "person");
        tale.end(1, State::Waiting, Reason::Sent);
        tale.ends[0].reason = None;
        tale.broken_for_good = broken;
        tale
    };
    compare(Invariant::Live, tale(false), tale(true));
}

#[test]
fn c10_counters_agree_with_the_books() {
    let tale = |attempted: u64| {
        let mut tale = Tale::sent();
        let one = |label: &str, count| BTreeMap::from([(label.to_owned(), count)]);
        tale.counters = Some(Counters {
            attempted: one("accepted", attempted),
            ended: one("accepted", 1),
            published: 1,
        });
        tale
    };
    compare(Invariant::Conserved, tale(2), tale(1));
}

#[test]
fn c10_a_receipt_counts_once() {
    let tale = |repeated: bool| {
        let mut tale = Tale::sent();
        for repeated in [false, repeated] {
            let receipt = Seen::Receipt {
                tenant: tale::tenant("one"),
                id: "statement".to_owned(),
                repeated,
            };
            tale.see("mailer", receipt);
        }
        tale
    };
    compare(Invariant::Conserved, tale(false), tale(true));
}

#[test]
fn c10_what_was_stored_is_there() {
    let mut bad = Tale::sent();
    bad.ends.clear();
    compare(Invariant::Conserved, bad, Tale::sent());
}

#[test]
fn a_history_survives_json() {
    let history = Tale::sent().history();
    let json = serde_json::to_string(&history).unwrap();
    let back: super::History = serde_json::from_str(&json).unwrap();
    assert_eq!(back.events, history.events);
    assert!(check(&back).is_empty());
}
