//! The parent: starts hosts and kills them at random moments.

use std::{
    collections::BTreeSet,
    error::Error,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};
use signalbus::{
    DeliveryId, Store, Timestamp,
    store::{DeliveryFilter, PageToken, State},
};

use crate::{
    disk::Full,
    host::{self, Duty},
    log,
    store::Place,
};

/// The host that finishes ends by itself; one that takes this long hangs.
const LIMIT: Duration = Duration::from_secs(300);

/// What was seen at one kill.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kill {
    /// Which host.
    pub(crate) process: u32,
    /// When it was gone.
    pub(crate) at: Timestamp,
    /// The delivery and attempt of each claim without a result.
    pub(crate) open: BTreeSet<(DeliveryId, u32)>,
}

/// Kills so many hosts, and lets the last one finish.
pub(crate) async fn run(directory: &Path, kills: u32, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut random = StdRng::seed_from_u64(seed);
    let place = Place::of(directory);
    let longest = u64::try_from(place.longest_life().as_millis())?;
    let seen = log::open(&log::kills(directory))?;
    let mut fills = 0;
    for process in 0..kills {
        let duty = match random.random_range(0..10) {
            0 => Duty::Publish,
            1 | 2 => Duty::Send,
            _ => Duty::Both,
        };
        let mut host = start(directory, duty, process, random.random())?;
        let life = Duration::from_millis(random.random_range(0..longest));
        // Full at some moment of its life, and sometimes to its end.
        let until = life.mul_f64(random.random_range(0.0..1.0));
        tokio::time::sleep(until).await;
        let mut full = Full::fill(directory);
        let was_full = full.is_some();
        fills += u32::from(was_full);
        let rest = life - until;
        let room = rest.mul_f64(random.random_range(-0.5..1.0_f64).max(0.0));
        tokio::time::sleep(rest - room).await;
        if !room.is_zero() {
            full = None;
            tokio::time::sleep(room).await;
        }
        // One that began on a full disk could not open its file, and said so.
        if let Some(status) = host.try_wait()?
            && !was_full
        {
            return Err(format!("a host ended by itself: {status}").into());
        }
        host.kill()?;
        host.wait()?;
        drop(full);
        let at = Timestamp::now();
        place.gone(&host::name(process)).await?;
        let open = open_claims(&place, directory).await?;
        log::append(&seen, &Kill { process, at, open })?;
    }
    if fills > 0 {
        println!("the disk was full {fills} times");
    }
    let mut host = start(directory, Duty::Finish, kills, random.random())?;
    match ended_within(&mut host, LIMIT).await? {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("the last host failed: {status}").into()),
        None => Err("the last host did not finish".into()),
    }
}

/// How a host ended; none when it had to be killed after this time.
pub(crate) async fn ended_within(
    host: &mut Child,
    time: Duration,
) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + time;
    loop {
        if let Some(status) = host.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            host.kill()?;
            host.wait()?;
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn start(
    directory: &Path,
    duty: Duty,
    process: u32,
    seed: u64,
) -> std::io::Result<Child> {
    command(directory, duty, process, seed)?.spawn()
}

pub(crate) fn command(
    directory: &Path,
    duty: Duty,
    process: u32,
    seed: u64,
) -> std::io::Result<Command> {
    let duty = format!("{duty:?}").to_lowercase();
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("host")
        .arg(directory)
        .arg(duty)
        .arg(process.to_string())
        .arg(seed.to_string())
        .stdin(Stdio::null());
    Ok(command)
}

pub(crate) async fn open_claims(
    place: &Place,
    directory: &Path,
) -> Result<BTreeSet<(DeliveryId, u32)>, Box<dyn Error>> {
    let store = place.open(directory, "hunter").await?;
    let sending = DeliveryFilter::new().state(State::Sending);
    let page = store.list(&sending, PageToken::first(1_000)).await?;
    store.0.close().await;
    Ok(page
        .items
        .iter()
        .map(|record| (record.id, record.attempt))
        .collect())
}
