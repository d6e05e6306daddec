//! The states of a delivery, named once for Rust and for SQL. The numbers are stored.

use signalbus_core::store::{EndState, State};

/// The number of a state, as a literal for a statement: `concat!("state = ", state!(ready))`.
macro_rules! state {
    (ready) => {
        "0"
    };
    (timed) => {
        "1"
    };
    (sending) => {
        "2"
    };
    (behind) => {
        "3"
    };
    (held) => {
        "5"
    };
    (dead) => {
        "10"
    };
    (expired) => {
        "11"
    };
    (suppressed) => {
        "12"
    };
    (outcome_unknown) => {
        "13"
    };
    (accepted) => {
        "20"
    };
    (cancelled) => {
        "21"
    };
    (not_needed) => {
        "22"
    };
    // Every end is at or above it.
    (first_end) => {
        "10"
    };
    // Ends below it can be redriven.
    (first_final) => {
        "20"
    };
}
pub(crate) use state;

pub(crate) const READY: i64 = 0;
pub(crate) const TIMED: i64 = 1;
pub(crate) const SENDING: i64 = 2;
pub(crate) const BEHIND: i64 = 3;
pub(crate) const HELD: i64 = 5;
pub(crate) const FIRST_END: i64 = 10;

pub(crate) const fn end_code(end: EndState) -> i64 {
    match end {
        EndState::Dead => 10,
        EndState::Expired => 11,
        EndState::Suppressed => 12,
        EndState::OutcomeUnknown => 13,
        EndState::Accepted => 20,
        EndState::Cancelled => 21,
        EndState::NotNeeded => 22,
    }
}

/// What a number means; one that is not known was written by a newer version.
pub(crate) fn state_of(code: i64) -> State {
    match code {
        READY | TIMED | BEHIND => State::Waiting,
        HELD => State::Held,
        SENDING => State::Sending,
        _ => EndState::ALL
            .into_iter()
            .find(|end| end_code(*end) == code)
            .map_or(State::Newer, State::Ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_code_mean_the_same_numbers() {
        for (literal, code) in [
            (state!(ready), READY),
            (state!(timed), TIMED),
            (state!(sending), SENDING),
            (state!(behind), BEHIND),
            (state!(held), HELD),
            (state!(not_needed), end_code(EndState::NotNeeded)),
            (state!(dead), end_code(EndState::Dead)),
            (state!(expired), end_code(EndState::Expired)),
            (state!(suppressed), end_code(EndState::Suppressed)),
            (state!(outcome_unknown), end_code(EndState::OutcomeUnknown)),
            (state!(accepted), end_code(EndState::Accepted)),
            (state!(cancelled), end_code(EndState::Cancelled)),
            (state!(first_end), FIRST_END),
        ] {
            assert_eq!(literal, code.to_string());
        }
    }

    #[test]
    fn ends_survive_the_round_trip() {
        for end in EndState::ALL {
            assert_eq!(state_of(end_code(end)), State::Ended(end));
        }
        assert_eq!(state_of(99), State::Newer);
    }

    #[test]
    fn what_may_be_redriven_is_in_one_range() {
        let first_final: i64 = state!(first_final).parse().unwrap();
        for end in EndState::ALL {
            assert!(end_code(end) >= FIRST_END);
            assert_eq!(end.can_be_redriven(), end_code(end) < first_final);
        }
    }
}
