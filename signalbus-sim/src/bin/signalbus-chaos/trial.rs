//! A host works at a steady rate; something goes wrong with the server, and is mended; it goes wrong again, and the
//! host is asked to stop. Then another finishes, and the checker looks at all of it.

use std::{
    error::Error,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use rand::RngExt;
use signalbus::Timestamp;
use signalbus_servers::{Durability, Postgres};

use crate::{
    disk, evidence,
    fault::{Fault, Lasting, MOST_CONNECTIONS},
    host::{self, Duty},
    hunt, log,
    skew::SKEW,
    store::Place,
    work::{Books, Work},
};

/// How long work is counted before a fault, and after it.
const COUNTED: Duration = Duration::from_secs(10);

/// How long it may take until all is sent that was accepted.
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// How long a host may take to stop, whatever the server does.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

/// The part of the work that must be done again. Work is counted as the share of what is offered, which is less than what
/// the server can do: so a busy machine changes nothing, and what is not done is missing.
const BACK_AT: f64 = 0.98;

/// How soon what is published is sent, also on a busy machine.
const PROMPT: Duration = Duration::from_secs(2);

/// How far apart two clocks are, half each way.
const HALF_SKEW: i64 = 1_800;

pub(crate) async fn run(
    fault: Fault,
    lasts: Duration,
    keep: Option<&Path>,
    unhurried: bool,
) -> Result<bool, Box<dyn Error>> {
    if fault == Fault::Disk
        && let Some(status) = disk::enter_as_ourselves()?
    {
        return Ok(status.success());
    }
    let temporary = tempfile::tempdir()?;
    let directory = keep.unwrap_or(temporary.path());
    if keep.is_some() {
        std::fs::create_dir(directory)?;
    }
    let disk = tempfile::tempdir()?;
    if fault == Fault::Disk {
        disk::make_for_server(disk.path())?;
    }
    let connections = format!("max_connections={MOST_CONNECTIONS}");
    let settings = [&*connections, "max_wal_size=64MB", "min_wal_size=32MB"];
    let mut server = if fault == Fault::Disk {
        Postgres::start_in(disk.path(), Durability::Full, &settings)?
    } else {
        Postgres::start(Durability::Full, &settings)?
    };
    let schema: u32 = rand::rng().random();
    Place::Postgres(format!("{}?schema=chaos_{schema}", server.url())).choose(directory)?;
    log::open(&log::kills(directory))?;
    // Interruptions are not those of kills.
    std::fs::write(directory.join(evidence::TRIAL), "")?;
    let mut trial = Trial {
        directory,
        disk: disk.path(),
        fault,
        lasts,
        passed: true,
    };
    println!("fault        {fault:?} for {} s", lasts.as_secs());
    trial.play(&mut server).await?;
    let judged = super::judge(directory).await?;
    Ok(judged && (trial.passed || unhurried))
}

struct Trial<'a> {
    directory: &'a Path,
    disk: &'a Path,
    fault: Fault,
    lasts: Duration,
    passed: bool,
}

impl Trial<'_> {
    async fn play(&mut self, server: &mut Postgres) -> Result<(), Box<dyn Error>> {
        let mut first = hunt::start(self.directory, Duty::Steady, 0, 1)?;
        self.wait_for_work(Timestamp::now()).await?;
        let before = self.work(COUNTED).await?;
        before.print("before", "");

        let mut second = None;
        let mut processes = vec![0];
        let lasting = if self.fault == Fault::Clock {
            second = Some(self.late_and_early(&mut first)?);
            processes = vec![1, 2];
            Lasting::default()
        } else {
            self.fault.begin(server, self.disk).await?
        };
        tokio::time::sleep(self.lasts).await;
        self.fault.mend(lasting, server, self.disk).await?;
        let mended = Instant::now();
        while !self.is_back()? {
            if mended.elapsed() > BACK_WITHIN {
                self.complain("what was accepted is not sent");
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let back = mended.elapsed().as_secs_f64();
        let after = self.work(COUNTED).await?;
        after.print(
            "after",
            &format!(", from {back:.1} s after it was mended, when nothing was left"),
        );
        if after.share() < BACK_AT * before.share() {
            self.complain("less is done than before");
        }

        let lasting = match self.fault {
            Fault::Clock => Lasting::default(),
            _ => self.fault.begin(server, self.disk).await?,
        };
        self.is_felt().await?;
        for host in [Some(&mut first), second.as_mut()].into_iter().flatten() {
            self.stop(host).await?;
        }
        self.fault.mend(lasting, server, self.disk).await?;
        self.write_down(&processes).await?;
        let mut last = hunt::start(self.directory, Duty::Finish, 9, 2)?;
        let ended = hunt::ended_within(&mut last, Duration::from_secs(120)).await?;
        if ended.is_none() {
            self.complain("the last host did not finish");
        }
        Ok(())
    }

    /// What a host left that could not write its last results: as if it had been killed.
    async fn write_down(&self, processes: &[u32]) -> Result<(), Box<dyn Error>> {
        let place = Place::of(self.directory);
        let seen = log::open(&log::kills(self.directory))?;
        for process in processes {
            place.gone(&host::name(*process)).await?;
        }
        let open = hunt::open_claims(&place, self.directory).await?;
        println!("left open    {} claims", open.len());
        for process in processes {
            let kill = hunt::Kill {
                process: *process,
                at: Timestamp::now(),
                open: open.clone(),
            };
            log::append(&seen, &kill)?;
        }
        Ok(())
    }

    /// In place of one host two whose clocks differ.
    fn late_and_early(&self, first: &mut Child) -> Result<Child, Box<dyn Error>> {
        terminate(first)?;
        first.wait()?;
        let mut hosts = [(1, HALF_SKEW), (2, -HALF_SKEW)]
            .into_iter()
            .map(|(process, skew)| {
                let mut host = hunt::command(self.directory, Duty::Steady, process, 1)?;
                host.env(SKEW, skew.to_string()).spawn()
            });
        *first = hosts.next().ok_or("no host")??;
        Ok(hosts.next().ok_or("no host")??)
    }

    /// Asks a host to stop, and waits for it.
    async fn stop(&mut self, host: &mut Child) -> Result<(), Box<dyn Error>> {
        let began = Instant::now();
        terminate(host)?;
        hunt::ended_within(host, 2 * STOPS_WITHIN).await?;
        println!("stopped      in {:.1} s", began.elapsed().as_secs_f64());
        if began.elapsed() > STOPS_WITHIN {
            self.complain("a host took too long to stop");
        }
        Ok(())
    }

    fn complain(&mut self, what: &str) {
        println!("too slow     {what}");
        self.passed = false;
    }

    async fn wait_for_work(&self, since: Timestamp) -> Result<(), Box<dyn Error>> {
        let until = Instant::now() + BACK_WITHIN;
        while !self.read()?.sent_since(since) {
            if Instant::now() > until {
                return Err("the first host does nothing".into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The first second is spent on connections.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }

    /// What is offered in this time, and how much of it is done before [`PROMPT`] has passed after it.
    async fn work(&self, time: Duration) -> Result<Work, Box<dyn Error>> {
        let since = Timestamp::now();
        tokio::time::sleep(time).await;
        let until = Timestamp::now();
        tokio::time::sleep(PROMPT).await;
        Ok(self.read()?.work(since, until, until + PROMPT))
    }

    /// Waits until the host feels it: a disk has room in files that are there already. What it does not feel by the time that
    /// a fault lasts, such as a wrong clock, it works on with.
    async fn is_felt(&self) -> Result<(), Box<dyn Error>> {
        let began = Instant::now();
        loop {
            let since = Timestamp::now();
            tokio::time::sleep(Duration::from_millis(500)).await;
            let works = self.read()?.sent_since(since);
            if !works || began.elapsed() > self.lasts || self.fault == Fault::Clock {
                let felt = began.elapsed().as_secs_f64();
                let word = if works { "works on" } else { "does nothing" };
                println!("again        the host {word} {felt:.1} s later, and is told to stop");
                return Ok(());
            }
        }
    }

    /// Whether all is sent that was accepted a moment ago.
    fn is_back(&self) -> Result<bool, Box<dyn Error>> {
        let before = Timestamp::now() - PROMPT;
        Ok(self.read()?.is_all_sent(before))
    }

    fn read(&self) -> Result<Books, Box<dyn Error>> {
        Ok(Books {
            publications: log::read(&log::publications(self.directory))?,
            book: log::read(&log::book(self.directory))?,
        })
    }
}

pub(crate) fn terminate(host: &Child) -> Result<(), Box<dyn Error>> {
    let done = Command::new("kill").arg(host.id().to_string()).status()?;
    if done.success() {
        Ok(())
    } else {
        Err("a host was gone before it was told to stop".into())
    }
}
