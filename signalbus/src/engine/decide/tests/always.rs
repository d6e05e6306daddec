//! What holds for every input.

use proptest::{prelude::*, test_runner::TestCaseError};

use super::*;

pub(super) fn any_wait() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0..200_000_u64).prop_map(Duration::from_secs),
    ]
}

pub(super) fn any_tried() -> impl Strategy<Value = Tried> {
    let outcome = prop_oneof![
        Just(Outcome::Retryable),
        Just(Outcome::Permanent),
        Just(Outcome::Unknown)
    ];
    let fault = prop_oneof![
        Just(Fault::Message),
        Just(Fault::Recipient),
        Just(Fault::Configuration),
        Just(Fault::Quota),
        Just(Fault::Provider)
    ];
    let failed =
        (outcome, fault, prop::option::of(any_wait())).prop_map(|(outcome, fault, retry_after)| {
            Tried::Failed {
                outcome,
                fault,
                retry_after,
            }
        });
    prop_oneof![
        1 => Just(Tried::Accepted),
        8 => failed,
        1 => any::<bool>().prop_map(|started| Tried::Panicked { started }),
        1 => any::<bool>().prop_map(|alone| Tried::Interrupted { alone }),
        1 => (any_wait(), any::<bool>()).prop_map(|(wait, began)| Tried::Unclear { wait, began }),
    ]
}

fn any_standing() -> impl Strategy<Value = Standing> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let expiry = prop::option::of(any_wait());
    (0..5_u32, 0..4_u32, flags, expiry).prop_map(
        |(failures, suspicion, (probe, recognised, asked), expiry)| Standing {
            failures,
            suspicion,
            probe,
            recognised,
            asked,
            expires_at: expiry.map(|wait| later(NOW, wait)),
        },
    )
}

/// Whether the message may have left with this try.
pub(super) fn may_have_been_sent(tried: Tried) -> bool {
    matches!(
        tried,
        Tried::Failed {
            outcome: Outcome::Unknown,
            ..
        } | Tried::Panicked { started: true }
            | Tried::Interrupted { .. }
            | Tried::Unclear { .. }
    )
}

proptest! {
    #[test]
    fn holds_for_every_input(
        tried in any_tried(),
        standing in any_standing(),
        at_most_once in any::<bool>(),
        draw in 0.0..1.0_f64,
    ) {
        let guarantee = if at_most_once {
            Guarantee::AtMostOnce
        } else {
            Guarantee::AtLeastOnce
        };
        let policy = policy();
        let decision = decide(tried, standing, &policy, guarantee, NOW, draw);

        prop_assert!(decision.failures >= standing.failures, "a try is never uncounted");
        prop_assert!(decision.failures <= standing.failures + 1);
        match decision.next {
            Next::Retry(wait) => {
                prop_assert!(standing.expires_at.is_none_or(|expiry| later(NOW, wait) < expiry));
                prop_assert!(decision.failures < policy.max_attempts || decision.failures == standing.failures);
                prop_assert!(decision.suspicion < POISON);
                if let Tried::Failed { outcome, fault, retry_after } = tried {
                    prop_assert!(wait >= policy.floor);
                    if fault == Fault::Configuration {
                        prop_assert!(outcome == Outcome::Unknown || decision.failures == standing.failures);
                    } else {
                        prop_assert_ne!(outcome, Outcome::Permanent);
                        prop_assert!(retry_after.is_none_or(|asked| wait >= asked));
                    }
                }
                if at_most_once && may_have_been_sent(tried) {
                    let asks = standing.asked && matches!(tried, Tried::Interrupted { .. });
                    prop_assert!(standing.recognised || asks);
                }
            }
            Next::End(state, reason) => {
                prop_assert_eq!(state == EndState::Accepted, tried == Tried::Accepted);
                if may_have_been_sent(tried) {
                    prop_assert!(state == EndState::OutcomeUnknown || reason == Reason::Poison);
                } else {
                    prop_assert_ne!(state, EndState::OutcomeUnknown);
                }
            }
            Next::Later { until, why } => {
                let Tried::Unclear { wait, began } = tried else {
                    return Err(TestCaseError::fail(format!("{tried:?} is put off")));
                };
                prop_assert_eq!((until, why), (later(NOW, wait), Why::Unclear));
                prop_assert!(standing.expires_at.is_none_or(|expiry| until < expiry));
                prop_assert_eq!(decision.failures, standing.failures + u32::from(began));
            }
            other => prop_assert!(false, "nothing decides {other:?}"),
        }
    }
}
