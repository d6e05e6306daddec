//! `signalbus health`: 0 when all is well, 1 when work is not done in time or too much of it is dead,
//! 3 when the store cannot be used.

use serde_json::json;
use signalbus::store::{DeliveryFilter, State, Tally};

use crate::{
    answer::{Answer, BAD, GOOD},
    arguments::Health,
    failure::Failure,
    moment,
    target::Target,
};

pub(super) async fn run(target: &Target, typed: &Health) -> Result<Answer, Failure> {
    let store = target.look().await?;
    let waiting = store
        .tally(&DeliveryFilter::new().state(State::Waiting))
        .await?;
    let dead = store.tally(&DeliveryFilter::new().dead()).await?;
    let now = moment::now();
    let count = |tallies: &[Tally]| tallies.iter().map(|tally| tally.count).sum::<u64>();
    let (waiting_count, dead_count) = (count(&waiting), count(&dead));
    let oldest = waiting.iter().filter_map(|tally| tally.oldest).min();
    let overdue = oldest.map_or(0, |at| now.duration_since(at).as_secs().max(0));
    let overdue = u64::try_from(overdue).unwrap_or_default();
    let mut problems = Vec::new();
    if overdue > typed.max_age.as_secs() {
        problems.push(format!(
            "the oldest delivery has been due for {}, longer than {}: is an engine running, and its provider up?",
            moment::rough(overdue),
            moment::rough(typed.max_age.as_secs())
        ));
    }
    if typed.max_dead.is_some_and(|most| dead_count > most) {
        problems.push(format!(
            "{dead_count} deliveries are dead: see signalbus dead-letters"
        ));
    }
    let healthy = problems.is_empty();
    let word = if healthy { "healthy" } else { "unhealthy" };
    let mut text = format!("{word}: {waiting_count} waiting, {dead_count} dead\n");
    for problem in &problems {
        text.push_str(&format!("problem: {problem}\n"));
    }
    let json = json!({
        "healthy": healthy,
        "waiting": waiting_count,
        "dead": dead_count,
        "oldest_due_seconds": overdue,
        "problems": problems,
    });
    Ok(Answer {
        text,
        json,
        code: if healthy { GOOD } else { BAD },
    })
}
