//! What was not sent, and why. Names nobody and shows no address.

use std::collections::HashMap;

use signalbus::{
    Answer, EventId, Explanation, Signalbus,
    store::{DeliveryRecord, EndState, Entry as Happened, State, StoreError},
};

use crate::{
    journal::Entry,
    publish::{EventFile, Line},
};

/// One event that was not taken, or one delivery that was not sent.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) line: u32,
    pub(crate) topic: String,
    pub(crate) tenant: String,
    pub(crate) channel: String,
    pub(crate) state: String,
    pub(crate) reason: String,
    pub(crate) detail: String,
}

/// Everything that was not sent, in the order of the file.
pub(crate) async fn collect(
    signalbus: &Signalbus,
    file: &EventFile,
    entries: &[Entry],
    deliveries: &[DeliveryRecord],
) -> Result<Vec<Unsent>, StoreError> {
    let lines: HashMap<EventId, u32> = entries
        .iter()
        .filter(|entry| entry.verdict == "accepted")
        .filter_map(|entry| Some((entry.event()?, entry.line())))
        .collect();
    let mut unsent: Vec<Unsent> = entries
        .iter()
        .filter(|entry| entry.verdict != "accepted")
        .map(|entry| refused(entry, file, &lines))
        .collect();
    for delivery in deliveries {
        if delivery.state == State::Ended(EndState::Accepted) {
            continue;
        }
        let line = lines.get(&delivery.event).copied().unwrap_or_default();
        if let Some(story) = signalbus.explain(&delivery.tenant, delivery.id).await? {
            let detail = happened(&story)
                .or_else(|| planned(signalbus, file, line, delivery))
                .unwrap_or_default();
            unsent.push(Unsent {
                line,
                topic: delivery.topic.to_string(),
                tenant: delivery.tenant.to_string(),
                channel: text(delivery.channel.as_ref()),
                state: delivery.state.as_str().to_owned(),
                reason: text(delivery.reason.as_ref()),
                detail,
            });
        }
    }
    unsent.sort_by_key(|unsent| unsent.line);
    Ok(unsent)
}

/// An event that was not taken.
fn refused(entry: &Entry, file: &EventFile, lines: &HashMap<EventId, u32>) -> Unsent {
    let line = file.line(entry.line());
    let earlier = entry.event().and_then(|event| lines.get(&event));
    let (reason, detail) = match (&entry.problem, earlier) {
        (Some(problem), _) => ("", problem.clone()),
        (None, Some(line)) if entry.verdict == "conflict" => (
            "key used before",
            format!("by line {line}, for something else"),
        ),
        (None, Some(line)) => ("key used before", format!("by line {line}, for the same")),
        (None, None) => ("key used before", String::new()),
    };
    Unsent {
        line: entry.line(),
        topic: line.map_or_else(String::new, Line::topic),
        tenant: text(line.and_then(Line::tenant).as_ref()),
        channel: String::new(),
        state: entry.verdict.clone(),
        reason: reason.to_owned(),
        detail,
    }
}

/// What the history tells.
fn happened(story: &Explanation) -> Option<String> {
    let delivery = &story.delivery;
    let said = story
        .history
        .iter()
        .rev()
        .find_map(|line| match &line.entry {
            Happened::Attempt(attempt) => attempt.detail.clone(),
            _ => None,
        });
    said.or(match (delivery.state, delivery.due, delivery.expires_at) {
        (State::Waiting, Some(due), _) => Some(format!("due {due}")),
        (State::Ended(EndState::Expired), _, Some(at)) => Some(format!("worth nothing after {at}")),
        (State::Ended(EndState::Suppressed), ..) => Some("nothing is sent to this address".into()),
        _ => None,
    })
}

/// What was known before the first try: the plan says why an address or a topic has no way.
fn planned(
    signalbus: &Signalbus,
    file: &EventFile,
    line: u32,
    delivery: &DeliveryRecord,
) -> Option<String> {
    let event = file.line(line)?.event.as_ref().ok()?;
    let plan = signalbus.plan(event).ok()?;
    if !plan.rule {
        return Some(format!("the policy has no rule for {}", plan.topic));
    }
    let planned = plan.deliveries.into_iter().find(|planned| {
        u32::try_from(planned.recipient) == Ok(delivery.recipient)
            && planned.channel == delivery.channel
    })?;
    match planned.answer {
        Answer::Rejected(why) => Some(why),
        Answer::NoRoute => Some("no address on a channel of this topic".to_owned()),
        _ => None,
    }
}

fn text(word: Option<&impl ToString>) -> String {
    word.map(ToString::to_string).unwrap_or_default()
}
