//! The specification of [`decide`], as a table.

mod always;
mod life;

use super::*;

const S: Duration = Duration::from_secs(1);
const NOW: Timestamp = Timestamp::constant(1_893_456_000, 0);

/// Three tries. With a draw of zero the wait after a fault of the provider is the floor, 1 s; after
/// a fault of quota it is half of what it may be: 2.5 s, then 7.5 s.
fn policy() -> RetryPolicy {
    RetryPolicy::default().with_max_attempts(3)
}

const fn fresh() -> Standing {
    Standing {
        failures: 0,
        suspicion: 0,
        probe: false,
        recognised: false,
        asked: false,
        expires_at: None,
    }
}

impl Standing {
    const fn failed(mut self, times: u32) -> Self {
        self.failures = times;
        self
    }

    const fn suspected(mut self, times: u32) -> Self {
        self.suspicion = times;
        self
    }

    const fn probe(mut self) -> Self {
        self.probe = true;
        self
    }

    const fn recognised(mut self) -> Self {
        self.recognised = true;
        self
    }

    fn expires_in(mut self, wait: Duration) -> Self {
        self.expires_at = Some(later(NOW, wait));
        self
    }
}

const fn failed(outcome: Outcome, fault: Fault) -> Tried {
    Tried::Failed {
        outcome,
        fault,
        retry_after: None,
    }
}

const fn asked_to_wait(outcome: Outcome, wait: Duration) -> Tried {
    Tried::Failed {
        outcome,
        fault: Fault::Quota,
        retry_after: Some(wait),
    }
}

const REFUSED_CONNECTION: Tried = failed(Outcome::Retryable, Fault::Provider);
const NO_ANSWER: Tried = failed(Outcome::Unknown, Fault::Provider);

/// What follows: the next step, the tries that count, and the suspicion.
type Follows = (Next, u32, u32);

const fn again(wait: Duration, failures: u32, suspicion: u32) -> Follows {
    (Next::Retry(wait), failures, suspicion)
}

/// Put off, which is no retry.
fn put_off(wait: Duration, failures: u32, suspicion: u32) -> Follows {
    let (until, why) = (later(NOW, wait), Why::Returned);
    (Next::Later { until, why }, failures, suspicion)
}

const fn ends(state: EndState, reason: Reason, failures: u32, suspicion: u32) -> Follows {
    (Next::End(state, reason), failures, suspicion)
}

#[track_caller]
fn check(guarantee: Guarantee, table: Vec<(&str, Tried, Standing, Follows)>) {
    for (what, tried, standing, (next, failures, suspicion)) in table {
        let expected = Decision {
            next,
            failures,
            suspicion,
        };
        let decision = decide(tried, standing, &policy(), guarantee, NOW, 0.0);
        assert_eq!(decision, expected, "{what}: {tried:?} at {standing:?}");
    }
}

#[test]
fn answers_that_end_it() {
    use EndState::{Accepted, Dead};
    use Unsendable::{Address, Compose, Render, Unreadable};
    let table = || {
        let refused = |fault| failed(Outcome::Permanent, fault);
        let unsendable = Tried::Unsendable;
        vec![
            (
                "taken",
                Tried::Accepted,
                fresh(),
                ends(Accepted, Reason::Sent, 0, 0),
            ),
            (
                "taken after failures and a crash",
                Tried::Accepted,
                fresh().failed(2).suspected(2),
                ends(Accepted, Reason::Sent, 2, 0),
            ),
            (
                "taken after its time: what was sent was sent",
                Tried::Accepted,
                fresh().expires_in(Duration::ZERO),
                ends(Accepted, Reason::Sent, 0, 0),
            ),
            (
                "refused for its address",
                refused(Fault::Recipient),
                fresh(),
                ends(Dead, Reason::Refused, 0, 0),
            ),
            (
                "refused for its content",
                refused(Fault::Message),
                fresh().failed(1),
                ends(Dead, Reason::Refused, 1, 0),
            ),
            (
                "refused by the probe",
                refused(Fault::Provider),
                fresh().probe(),
                ends(Dead, Reason::Refused, 0, 0),
            ),
            (
                "does not render",
                unsendable(Render),
                fresh(),
                ends(Dead, Reason::RenderFailed, 0, 0),
            ),
            (
                "is no message",
                unsendable(Compose),
                fresh(),
                ends(Dead, Reason::ComposeFailed, 0, 0),
            ),
            (
                "has no address",
                unsendable(Address),
                fresh(),
                ends(Dead, Reason::InvalidAddress, 0, 0),
            ),
            (
                "cannot be read",
                unsendable(Unreadable),
                fresh(),
                ends(Dead, Reason::Unreadable, 0, 0),
            ),
        ]
    };
    check(Guarantee::AtLeastOnce, table());
    check(Guarantee::AtMostOnce, table());
}

#[test]
fn what_was_certainly_not_sent_is_tried_again_in_time() {
    use EndState::{Dead, Expired};
    let table = || {
        let busy = failed(Outcome::Retryable, Fault::Quota);
        let wait = |wait| asked_to_wait(Outcome::Retryable, wait);
        let day = 24 * 60 * 60 * S;
        vec![
            (
                "the first failure",
                REFUSED_CONNECTION,
                fresh(),
                again(S, 1, 0),
            ),
            (
                "the second failure",
                REFUSED_CONNECTION,
                fresh().failed(1),
                again(S, 2, 0),
            ),
            (
                "the last failure",
                REFUSED_CONNECTION,
                fresh().failed(2),
                ends(Dead, Reason::AttemptsExhausted, 3, 0),
            ),
            (
                "a failure of the recipient's side counts as well",
                failed(Outcome::Retryable, Fault::Recipient),
                fresh().failed(2),
                ends(Dead, Reason::AttemptsExhausted, 3, 0),
            ),
            (
                "a failed probe does not count",
                REFUSED_CONNECTION,
                fresh().failed(2).probe(),
                again(S, 2, 0),
            ),
            (
                "a try that ended without a crash clears the suspicion",
                REFUSED_CONNECTION,
                fresh().suspected(3),
                again(S, 1, 0),
            ),
            (
                "a throttled message keeps half of the wait",
                busy,
                fresh(),
                again(5 * S / 2, 1, 0),
            ),
            (
                "and so the next time",
                busy,
                fresh().failed(1),
                again(15 * S / 2, 2, 0),
            ),
            (
                "Retry-After wins over the backoff",
                wait(90 * S),
                fresh(),
                again(90 * S, 1, 0),
            ),
            (
                "but not over the floor",
                wait(Duration::ZERO),
                fresh(),
                again(S, 1, 0),
            ),
            (
                "the longest Retry-After",
                wait(day),
                fresh(),
                again(day, 1, 0),
            ),
            (
                "a Retry-After beyond the cap",
                wait(day + S),
                fresh(),
                ends(Dead, Reason::RetryAfterTooLong, 1, 0),
            ),
            (
                "a Retry-After beyond the cap and the expiry",
                wait(Duration::MAX),
                fresh().expires_in(S),
                ends(Dead, Reason::RetryAfterTooLong, 1, 0),
            ),
            (
                "a Retry-After just before the expiry",
                wait(90 * S),
                fresh().expires_in(91 * S),
                again(90 * S, 1, 0),
            ),
            (
                "a Retry-After up to the expiry",
                wait(90 * S),
                fresh().expires_in(90 * S),
                ends(Expired, Reason::Expired, 1, 0),
            ),
            (
                "a backoff up to the expiry",
                REFUSED_CONNECTION,
                fresh().expires_in(S),
                ends(Expired, Reason::Expired, 1, 0),
            ),
            (
                "the last failure, after the expiry",
                REFUSED_CONNECTION,
                fresh().failed(2).expires_in(Duration::ZERO),
                ends(Dead, Reason::AttemptsExhausted, 3, 0),
            ),
        ]
    };
    check(Guarantee::AtLeastOnce, table());
    check(Guarantee::AtMostOnce, table());
}

#[test]
fn a_configuration_fault_keeps_the_message() {
    let table = || {
        let minute = 60 * S;
        let locked_out = |outcome| failed(outcome, Fault::Configuration);
        vec![
            (
                "wrong credentials",
                locked_out(Outcome::Retryable),
                fresh(),
                again(minute, 0, 0),
            ),
            (
                "refused for good, but not the message",
                locked_out(Outcome::Permanent),
                fresh(),
                again(minute, 0, 0),
            ),
            (
                "as often as it takes",
                locked_out(Outcome::Permanent),
                fresh().failed(2),
                again(minute, 2, 0),
            ),
            (
                "until it expires",
                locked_out(Outcome::Permanent),
                fresh().expires_in(minute),
                ends(EndState::Expired, Reason::Expired, 0, 0),
            ),
        ]
    };
    check(Guarantee::AtLeastOnce, table());
    check(Guarantee::AtMostOnce, table());
}

#[test]
fn at_least_once_sends_again_and_never_denies_that_it_may_have_been_sent() {
    use EndState::OutcomeUnknown;
    let panicked = Tried::Panicked { started: true };
    check(
        Guarantee::AtLeastOnce,
        vec![
            ("no answer", NO_ANSWER, fresh(), again(S, 1, 0)),
            (
                "no answer to the last try",
                NO_ANSWER,
                fresh().failed(2),
                ends(OutcomeUnknown, Reason::AttemptsExhausted, 3, 0),
            ),
            (
                "no answer, and no time left",
                NO_ANSWER,
                fresh().expires_in(S),
                ends(OutcomeUnknown, Reason::Expired, 1, 0),
            ),
            (
                "no answer, and told to wait for too long",
                asked_to_wait(Outcome::Unknown, Duration::MAX),
                fresh(),
                ends(OutcomeUnknown, Reason::RetryAfterTooLong, 1, 0),
            ),
            (
                "no answer to the probe",
                NO_ANSWER,
                fresh().failed(1).probe(),
                again(S, 2, 0),
            ),
            (
                "no answer to the last probe",
                NO_ANSWER,
                fresh().failed(2).probe(),
                ends(OutcomeUnknown, Reason::AttemptsExhausted, 3, 0),
            ),
            (
                "no answer, and the credentials are to blame",
                failed(Outcome::Unknown, Fault::Configuration),
                fresh(),
                again(S, 1, 0),
            ),
            (
                "a panic, and no time left",
                panicked,
                fresh().expires_in(S),
                ends(OutcomeUnknown, Reason::Expired, 0, 0),
            ),
            (
                "a crash, and no time left",
                Tried::Interrupted { alone: false },
                fresh().expires_in(Duration::ZERO),
                ends(OutcomeUnknown, Reason::Expired, 0, 0),
            ),
        ],
    );
}

#[test]
fn at_most_once_stops_when_it_may_have_been_sent() {
    let stopped = |failures| ends(EndState::OutcomeUnknown, Reason::NoAnswer, failures, 0);
    check(
        Guarantee::AtMostOnce,
        vec![
            ("no answer", NO_ANSWER, fresh(), stopped(0)),
            (
                "no answer to the probe",
                NO_ANSWER,
                fresh().failed(1).probe(),
                stopped(1),
            ),
            (
                "a panic during the request",
                Tried::Panicked { started: true },
                fresh(),
                stopped(0),
            ),
            (
                "a crash",
                Tried::Interrupted { alone: false },
                fresh(),
                stopped(0),
            ),
            (
                "a crash while alone",
                Tried::Interrupted { alone: true },
                fresh().suspected(3),
                stopped(0),
            ),
            (
                "a panic before the request",
                Tried::Panicked { started: false },
                fresh(),
                again(S, 0, 2),
            ),
            (
                "no answer, but the provider recognises a repeat",
                NO_ANSWER,
                fresh().recognised(),
                again(S, 1, 0),
            ),
            (
                "a panic, but the provider recognises a repeat",
                Tried::Panicked { started: true },
                fresh().recognised(),
                again(S, 0, 2),
            ),
            (
                "a crash, but the provider recognises a repeat",
                Tried::Interrupted { alone: false },
                fresh().recognised(),
                again(Duration::ZERO, 0, 1),
            ),
        ],
    );
}

#[test]
fn three_crashes_alone_or_panics_are_poison() {
    use EndState::{Dead, Expired};
    let panicked = Tried::Panicked { started: false };
    let alone = Tried::Interrupted { alone: true };
    let in_company = Tried::Interrupted { alone: false };
    check(
        Guarantee::AtLeastOnce,
        vec![
            ("the first panic", panicked, fresh(), again(S, 0, 2)),
            (
                "the second panic",
                panicked,
                fresh().suspected(2),
                again(S, 0, 3),
            ),
            (
                "the third panic",
                panicked,
                fresh().suspected(3),
                ends(Dead, Reason::Poison, 0, 4),
            ),
            (
                "a crash in company makes a suspect",
                in_company,
                fresh(),
                again(Duration::ZERO, 0, 1),
            ),
            (
                "a second one, and it is tried alone",
                in_company,
                fresh().suspected(1),
                again(Duration::ZERO, 0, 2),
            ),
            (
                "it is never poison by crashes in company",
                in_company,
                fresh().suspected(3),
                again(Duration::ZERO, 0, 3),
            ),
            (
                "the first crash alone",
                alone,
                fresh().suspected(1),
                again(Duration::ZERO, 0, 2),
            ),
            (
                "the second crash alone",
                alone,
                fresh().suspected(2),
                again(Duration::ZERO, 0, 3),
            ),
            (
                "the third crash alone",
                alone,
                fresh().suspected(3),
                ends(Dead, Reason::Poison, 0, 4),
            ),
            (
                "crashes and panics do not use up tries",
                alone,
                fresh().failed(2),
                again(Duration::ZERO, 2, 2),
            ),
            (
                "a panic before the request, and no time left: not sent",
                panicked,
                fresh().expires_in(S),
                ends(Expired, Reason::Expired, 0, 0),
            ),
        ],
    );
}

/// What its provider will know later.
#[test]
fn what_is_asked_about_again_waits_until_then() {
    let unclear = |wait, began| Tried::Unclear { wait, began };
    let asked = |failures| {
        let (until, why) = (later(NOW, 60 * S), Why::Unclear);
        (Next::Later { until, why }, failures, 0)
    };
    let table = |late: Follows| {
        vec![
            (
                "after a try, which counts",
                unclear(60 * S, true),
                fresh().failed(1),
                asked(2),
            ),
            (
                "after a question, which does not",
                unclear(60 * S, false),
                fresh().failed(2).suspected(1),
                asked(2),
            ),
            (
                "also after the last try",
                unclear(60 * S, true),
                fresh().failed(2),
                asked(3),
            ),
            (
                "but not beyond the expiry",
                unclear(60 * S, true),
                fresh().expires_in(60 * S),
                late,
            ),
        ]
    };
    check(Guarantee::AtLeastOnce, table(again(S, 1, 0)));
    let ended = ends(EndState::OutcomeUnknown, Reason::NoAnswer, 0, 0);
    check(Guarantee::AtMostOnce, table(ended));
}

#[test]
fn a_crash_is_asked_about_before_it_stops_what_is_sent_at_most_once() {
    let crash = Tried::Interrupted { alone: false };
    let mut askable = fresh();
    askable.asked = true;
    check(
        Guarantee::AtMostOnce,
        vec![
            (
                "somebody can be asked",
                crash,
                askable,
                again(Duration::ZERO, 0, 1),
            ),
            (
                "nobody can be asked",
                crash,
                fresh(),
                ends(EndState::OutcomeUnknown, Reason::NoAnswer, 0, 0),
            ),
        ],
    );
}

#[test]
fn what_was_not_tried_comes_back_as_it_was() {
    let table = || {
        let returned = |wait| Tried::Returned { wait };
        vec![
            (
                "by a worker that leaves",
                returned(Duration::ZERO),
                fresh().failed(2).suspected(3),
                put_off(Duration::ZERO, 2, 3),
            ),
            (
                "by a worker that is too old for it",
                returned(60 * S),
                fresh(),
                put_off(60 * S, 0, 0),
            ),
        ]
    };
    check(Guarantee::AtLeastOnce, table());
    check(Guarantee::AtMostOnce, table());
}
