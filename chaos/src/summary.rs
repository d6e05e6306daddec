//! The summary, for a person.

use std::{collections::HashSet, time::Duration};

use crate::{evidence::Evidence, log::Publication};

/// Violations printed one by one; the rest is counted.
const SHOWN: usize = 20;

pub(crate) fn print(evidence: &Evidence, violations: &[String]) {
    let mut invoked = HashSet::new();
    let mut answered = HashSet::new();
    let mut accepted = HashSet::new();
    let mut repeats = 0;
    for publication in &evidence.publications {
        match publication {
            Publication::Invoked { message } => {
                invoked.insert(*message);
            }
            Publication::Answered {
                message,
                delivery,
                duplicate,
            } => {
                answered.insert(*message);
                accepted.insert(*delivery);
                repeats += usize::from(*duplicate);
            }
        }
    }
    let requests = evidence.requests();
    let open: HashSet<_> = evidence.kills.iter().flat_map(|kill| &kill.open).collect();
    let interrupted: HashSet<_> = open.iter().map(|(delivery, _)| *delivery).collect();
    let (mut explained, mut unexplained) = (0, 0);
    for (delivery, attempts) in &requests {
        if interrupted.contains(delivery) {
            explained += attempts.len() - 1;
        } else {
            unexplained += attempts.len() - 1;
        }
    }
    let lost = accepted
        .iter()
        .filter(|id| {
            evidence
                .store
                .get(id)
                .is_none_or(|stored| !stored.is_poison())
                && !requests.contains_key(id)
        })
        .count();
    let poison = evidence
        .store
        .values()
        .filter(|stored| stored.is_poison())
        .count();

    println!("published    {} messages", invoked.len());
    println!(
        "accepted     {} answered ({repeats} answers said duplicate), {} stored",
        answered.len(),
        evidence.store.len()
    );
    println!(
        "sent         {} deliveries with {} requests",
        requests.len(),
        evidence.book.len()
    );
    println!(
        "duplicates   {explained} for a claim that was open at a kill ({} were), {unexplained} for \
         no cause",
        open.len()
    );
    println!("poison       {poison}");
    println!("lost         {lost}");
    print_recovery(recovery(evidence), evidence.kills.len());
    println!("violations   {}", violations.len());
    for violation in violations.iter().take(SHOWN) {
        println!("  {violation}");
    }
    if violations.len() > SHOWN {
        println!("  and {} more", violations.len() - SHOWN);
    }
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
fn recovery(evidence: &Evidence) -> Vec<Duration> {
    let mut times = Vec::new();
    for (index, kill) in evidence.kills.iter().enumerate() {
        let after = evidence.book.iter().map(|request| request.at);
        let first = after.filter(|at| *at > kill.at).min();
        let next = evidence.kills.get(index + 1).map(|kill| kill.at);
        if let Some(first) = first
            && next.is_none_or(|next| first < next)
        {
            times.push(first - kill.at);
        }
    }
    times.sort_unstable();
    times
}
