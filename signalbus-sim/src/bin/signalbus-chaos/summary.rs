//! The summary, for a person.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use signalbus::{DeliveryId, Timestamp};
use signalbus_sim::history::{Said, Seen, Violation, story};

use crate::evidence::{self, Evidence};

/// Violations printed one by one; the rest is counted.
const SHOWN: usize = 20;

pub(crate) fn print(evidence: &Evidence, violations: &[Violation]) {
    print_published(evidence);
    print_sent(evidence);
    print_recovery(recovery(evidence), evidence.kills.len());
    println!("violations   {}", violations.len());
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    for violation in violations {
        let kind = violation.to_string();
        let kind = kind.split(" [").next().unwrap_or_default();
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    for (kind, count) in kinds.iter().take(SHOWN) {
        println!("  {count} times {kind}");
    }
    for violation in violations.iter().take(SHOWN) {
        println!("  {violation}");
    }
    if violations.len() > SHOWN {
        println!("  and {} more", violations.len() - SHOWN);
    }
    if let Some(first) = violations.first() {
        print!("what happened\n{}", story(&evidence.history, first));
    }
}

fn print_published(evidence: &Evidence) {
    let (mut invoked, mut answered, mut repeats) = (BTreeSet::new(), BTreeSet::new(), 0);
    for event in &evidence.history.events {
        match &event.seen {
            Seen::Publish(publish) => {
                invoked.insert(&publish.content);
            }
            Seen::Published { event, verdict, .. } => {
                answered.insert(event);
                repeats += usize::from(*verdict == Said::Duplicate);
            }
            _ => {}
        }
    }
    println!("published    {} messages", invoked.len());
    println!(
        "accepted     {} answered ({repeats} answers said duplicate), {} stored",
        answered.len(),
        evidence.history.ends.len()
    );
}

fn print_sent(evidence: &Evidence) {
    let mut requests: BTreeMap<DeliveryId, u32> = BTreeMap::new();
    for (_, request) in evidence.requests() {
        *requests.entry(request.delivery).or_default() += 1;
    }
    let total: u32 = requests.values().sum();
    println!(
        "sent         {} deliveries with {total} requests",
        requests.len()
    );
    let causes = evidence.history.duplicates();
    let duplicates: u64 = causes.values().sum();
    let by_cause: Vec<String> = causes
        .iter()
        .map(|(cause, count)| format!("{count} by {cause}"))
        .collect();
    let open: usize = evidence.kills.iter().map(|kill| kill.open.len()).sum();
    println!(
        "duplicates   {duplicates} ({}); kills left {open} claims open",
        if by_cause.is_empty() {
            "none".to_owned()
        } else {
            by_cause.join(", ")
        }
    );
    let poison = evidence
        .history
        .ends
        .iter()
        .filter(|end| evidence::is_poison(end));
    let poison: BTreeSet<DeliveryId> = poison.map(|end| end.delivery).collect();
    println!("poison       {}", poison.len());
    let accepted = evidence
        .history
        .events
        .iter()
        .filter_map(|event| match &event.seen {
            Seen::Published { deliveries, .. } => Some(deliveries),
            _ => None,
        });
    let lost: BTreeSet<&DeliveryId> = accepted
        .flatten()
        .filter(|delivery| !requests.contains_key(delivery) && !poison.contains(delivery))
        .collect();
    println!("lost         {}", lost.len());
}

fn print_recovery(times: Vec<Duration>, kills: usize) {
    match times.last() {
        None => println!("recovery     no request came between two kills"),
        Some(max) => println!(
            "recovery     median {} ms, max {} ms, from a kill to the next request ({} of {kills}; \
             the others were followed by a kill first)",
            times[times.len() / 2].as_millis(),
            max.as_millis(),
            times.len(),
        ),
    }
}

/// The time from each kill to the next request, unless another kill came first; sorted.
pub(crate) fn recovery(evidence: &Evidence) -> Vec<Duration> {
    let requests: Vec<Timestamp> = evidence.requests().map(|(event, _)| event.wall).collect();
    let mut times = Vec::new();
    for (index, kill) in evidence.kills.iter().enumerate() {
        let first = requests.iter().copied().filter(|at| *at > kill.at).min();
        let next = evidence.kills.get(index + 1).map(|kill| kill.at);
        if let Some(first) = first
            && next.is_none_or(|next| first < next)
        {
            times.push(signalbus::clock::until(kill.at, first));
        }
    }
    times.sort_unstable();
    times
}
