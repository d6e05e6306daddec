//! Answers as text, where they hide their content or cannot be compared.

use signalbus_core::store::{Acceptance, ClaimAnswer, StoredEvent};

pub(super) fn acceptance(answer: &Acceptance) -> String {
    match answer {
        Acceptance::Duplicate(event) => format!("Duplicate({})", stored(event)),
        other => format!("{other:?}"),
    }
}

pub(super) fn claim(answer: &ClaimAnswer) -> String {
    match answer {
        ClaimAnswer::Claimed(claimed) => format!(
            "Claimed({}, recipient {}: {:?}, secret {:?}, rendering {:?})",
            stored(&claimed.event),
            claimed.recipient,
            claimed.own,
            claimed.secret,
            claimed.rendering
        ),
        other => format!("{other:?}"),
    }
}

pub(super) fn stored(event: &StoredEvent) -> String {
    format!(
        "{} of {} on {}, {:?}, at {}: {:?}",
        event.id, event.tenant, event.topic, event.class, event.accepted_at, event.content
    )
}
