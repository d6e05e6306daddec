use std::{collections::BTreeMap, error::Error, time::Duration};

use signalbus::{
    Clock, Store, SystemClock,
    postgres::PostgresStore,
    store::{DeliveryFilter, State},
};

use crate::{backing::Backing, child::Child, scrape};

const PAUSE: Duration = Duration::from_millis(200);
const TRIES: u32 = 1500;

/// Shows how far behind the workers are, until nothing waits on the bus and all that can be sent was.
pub(crate) async fn until_done(
    workers: &[Child],
    backing: &Backing,
    taken: usize,
) -> Result<(), Box<dyn Error>> {
    let store = PostgresStore::from_url(&backing.database_url)?
        .open()
        .await?;
    let mut before = BTreeMap::new();
    for _ in 0..TRIES {
        let mut lag: BTreeMap<(String, String), u64> = BTreeMap::new();
        for worker in workers {
            for (partition, behind) in scrape::lag(worker).await? {
                // Partitions are divided among the workers; what is not, each tells of.
                let known = lag.entry(partition).or_default();
                *known = behind.max(*known);
            }
        }
        if lag != before {
            show(&lag, backing);
            before.clone_from(&lag);
        }
        let read = !lag.is_empty() && lag.values().all(|behind| *behind == 0);
        if read && all_is_sent(&store).await? {
            store.close().await;
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(format!("not all of {taken} events were worked off").into())
}

/// One line: each partition with what waits in it.
fn show(lag: &BTreeMap<(String, String), u64>, backing: &Backing) {
    let prefix = format!("{}.", backing.run);
    let parts: Vec<String> = lag
        .iter()
        .map(|((topic, partition), behind)| {
            let topic = topic.strip_prefix(&prefix).unwrap_or(topic);
            format!("{topic}/{partition}: {behind}")
        })
        .collect();
    println!("lag  {}", parts.join("  "));
}

/// Whether nothing is being sent, and what waits has to wait.
async fn all_is_sent(store: &PostgresStore) -> Result<bool, Box<dyn Error>> {
    let now = SystemClock::new().now();
    let tallies = store.tally(&DeliveryFilter::new()).await?;
    let busy = tallies.iter().any(|tally| match tally.state {
        State::Ended(_) => false,
        State::Waiting => tally.oldest.is_none_or(|due| due <= now),
        _ => true,
    });
    Ok(!tallies.is_empty() && !busy)
}
