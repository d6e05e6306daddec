use std::fmt;

use serde::Serialize;

use crate::{
    provider::Outcome,
    store::{
        AttemptOutcome, AttemptRecord, Bounce, DeliveryRecord, EndState, Entry, HistoryEntry, State,
    },
    visible::Visible,
};

/// What happened to a delivery and why, as a story: print it. Text from outside stays within its
/// line, and what commands a terminal is spelled out.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// Where it is now.
    pub delivery: DeliveryRecord,
    /// What happened, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Whether it waits while no living worker serves its channel.
    pub unserved: bool,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delivery = &self.delivery;
        let channel = delivery
            .channel
            .as_ref()
            .map_or("no channel", |channel| channel.as_str());
        writeln!(f, "delivery {} of event {}", delivery.id, delivery.event)?;
        writeln!(
            f,
            "  {} for recipient {} of tenant {} on {channel}",
            delivery.topic, delivery.recipient, delivery.tenant
        )?;
        writeln!(f, "  {}  accepted from the publisher", delivery.accepted_at)?;
        for line in &self.history {
            write!(f, "  {}  ", line.at)?;
            match &line.entry {
                Entry::Attempt(record) => attempt(f, record)?,
                Entry::Ended {
                    state,
                    reason,
                    detail,
                } => {
                    write!(f, "ended as {}", state.as_str())?;
                    if reason.as_str() != state.as_str() {
                        write!(f, " ({reason})")?;
                    }
                    if *state == EndState::Expired
                        && let Some(at) = delivery.expires_at
                    {
                        write!(f, ", as it was to be sent before {at}")?;
                    }
                    match detail {
                        Some(detail) => writeln!(f, ": {}", Visible(detail))?,
                        None => writeln!(f)?,
                    }
                }
                Entry::Cancelled {
                    actor,
                    in_flight: false,
                } => writeln!(f, "cancelled by {}", Visible(actor))?,
                Entry::Cancelled {
                    actor,
                    in_flight: true,
                } => {
                    writeln!(
                        f,
                        "cancelled by {} while a send was in flight",
                        Visible(actor)
                    )?;
                }
                Entry::Erased { actor, in_flight } => {
                    write!(f, "the recipient was erased by {}", Visible(actor))?;
                    let meanwhile = if *in_flight {
                        " while a send was in flight"
                    } else {
                        ""
                    };
                    writeln!(f, "{meanwhile}")?;
                }
                Entry::Held { reason } => writeln!(f, "held by a pause: {}", Visible(reason))?,
                Entry::PutOff { until, why } => {
                    writeln!(f, "put off until {until}: {}", Visible(why.as_str()))?;
                }
                Entry::Other(written) => {
                    let written = written.to_string();
                    writeln!(f, "in the words of a newer version: {}", Visible(&written))?;
                }
                Entry::Redriven {
                    actor,
                    ended,
                    began,
                } => {
                    writeln!(
                        f,
                        "redriven by {}: generation {ended} ended, {began} began",
                        Visible(actor)
                    )?;
                }
                Entry::Receipt {
                    kind,
                    advanced,
                    code,
                    detail,
                    bounce,
                    ..
                } => {
                    write!(f, "the provider reported {}", Visible(kind.as_str()))?;
                    if *bounce == Some(Bounce::Hard) {
                        write!(f, " for good")?;
                    }
                    if let Some(code) = code {
                        write!(f, " [{}]", Visible(code))?;
                    }
                    if let Some(detail) = detail {
                        write!(f, ": {}", Visible(detail))?;
                    }
                    let effect = if *advanced {
                        ""
                    } else {
                        ", which changed nothing"
                    };
                    writeln!(f, "{effect}")?;
                }
                other => writeln!(f, "{other:?}")?,
            }
        }
        write!(f, "  now {}", said(delivery.state))?;
        if let Some(reason) = &delivery.reason
            && reason.as_str() != delivery.state.as_str()
        {
            write!(f, " ({reason})")?;
        }
        match (delivery.state, delivery.due) {
            (State::Waiting, Some(due)) => writeln!(f, ", due {due}")?,
            (State::Waiting, None) => match &delivery.after {
                Some(sibling) => writeln!(f, " for the delivery {sibling}")?,
                None => writeln!(f)?,
            },
            _ => writeln!(f)?,
        }
        if self.unserved {
            writeln!(
                f,
                "  no worker serves {channel}: start one that has a provider for it"
            )?;
        }
        Ok(())
    }
}

/// A state in words: what a provider took is `accepted` by name, as an event is by the store.
fn said(state: State) -> &'static str {
    match state {
        State::Ended(EndState::Accepted) => "accepted by the provider",
        other => other.as_str(),
    }
}

fn attempt(f: &mut fmt::Formatter<'_>, record: &AttemptRecord) -> fmt::Result {
    write!(f, "attempt {}", record.attempt)?;
    if record.generation > 0 {
        write!(f, " of generation {}", record.generation)?;
    }
    if let Some(provider) = &record.provider {
        write!(f, " at {provider}")?;
    }
    match &record.outcome {
        AttemptOutcome::Accepted { id } => {
            write!(f, ": taken")?;
            if let Some(id) = id {
                write!(f, " as {}", Visible(id))?;
            }
        }
        AttemptOutcome::Failed(outcome) => {
            // A configuration fault is no end: the provider rests, and its messages are kept.
            match (outcome, record.retry_in) {
                (Outcome::Permanent, Some(_)) => write!(f, ": refused for now")?,
                _ => write!(f, ": {}", outcome.as_str())?,
            }
            if let Some(fault) = record.fault {
                write!(f, ", fault of the {}", fault.as_str())?;
            }
        }
        AttemptOutcome::Interrupted => write!(f, ": interrupted, possibly sent")?,
    }
    if let Some(code) = &record.code {
        write!(f, " [{}]", Visible(code))?;
    }
    if let Some(detail) = &record.detail {
        write!(f, ": {}", Visible(detail))?;
    }
    write!(f, "; {}", record.next)?;
    match record.retry_in {
        Some(wait) => writeln!(f, " in {wait:.1?}"),
        None => writeln!(f),
    }
}

#[cfg(test)]
mod tests;
