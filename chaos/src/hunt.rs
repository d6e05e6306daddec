//! The parent: starts hosts and kills them at random moments.

use std::{
    collections::HashSet,
    error::Error,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use signalbus::{
    DeliveryId, Store,
    store::{DeliveryFilter, PageToken, State},
};
use signalbus_sqlite::SqliteStore;

use crate::{host::Duty, log};

/// A host lives at most this long, in milliseconds.
const LONGEST_LIFE: u64 = 700;
/// The host that finishes ends by itself; one that takes this long hangs.
const LIMIT: Duration = Duration::from_secs(300);

/// What was seen at one kill.
#[derive(Debug)]
pub(crate) struct Kill {
    /// When the host was gone, since the epoch.
    pub(crate) at: Duration,
    /// The delivery and attempt of each claim without a result.
    pub(crate) open: HashSet<(DeliveryId, u32)>,
}

/// Kills so many hosts, and lets the last one finish.
pub(crate) async fn run(
    directory: &Path,
    kills: usize,
    seed: u64,
) -> Result<Vec<Kill>, Box<dyn Error>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut seen = Vec::with_capacity(kills);
    for _ in 0..kills {
        let duty = match random.random_range(0..10) {
            0 => Duty::Publish,
            1 | 2 => Duty::Send,
            _ => Duty::Both,
        };
        let mut host = start(directory, duty, random.random())?;
        let life = Duration::from_millis(random.random_range(0..LONGEST_LIFE));
        tokio::time::sleep(life).await;
        if let Some(status) = host.try_wait()? {
            return Err(format!("a host ended by itself: {status}").into());
        }
        host.kill()?;
        host.wait()?;
        let at = log::now();
        let open = open_claims(directory).await?;
        seen.push(Kill { at, open });
    }
    let mut host = start(directory, Duty::Finish, random.random())?;
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = host.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            host.kill()?;
            host.wait()?;
            return Err("the last host did not finish".into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    if status.success() {
        Ok(seen)
    } else {
        Err(format!("the last host failed: {status}").into())
    }
}

fn start(directory: &Path, duty: Duty, seed: u64) -> std::io::Result<Child> {
    let duty = format!("{duty:?}").to_lowercase();
    Command::new(std::env::current_exe()?)
        .arg("host")
        .arg(directory)
        .arg(duty)
        .arg(seed.to_string())
        .stdin(Stdio::null())
        .spawn()
}

async fn open_claims(directory: &Path) -> Result<HashSet<(DeliveryId, u32)>, Box<dyn Error>> {
    let store = SqliteStore::open(log::database(directory)).await?;
    let sending = DeliveryFilter::new().state(State::Sending);
    let page = store.list(&sending, PageToken::first(1_000)).await?;
    store.close().await;
    Ok(page
        .items
        .iter()
        .map(|record| (record.id, record.attempt))
        .collect())
}
