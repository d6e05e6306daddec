//! An upgrade one process after the other: hosts of an earlier version of this program and of this one work on the same
//! tables, which this one has brought up to date while the other one worked.
//!
//! 1. The earlier version makes the tables, publishes and sends.
//! 2. This one starts beside it, and brings the tables up to date. Both publish and send.
//! 3. The earlier one is killed over its work, and started again: it opens tables that are newer than it.
//! 4. It is killed a last time. This one stops in good order; another finishes, and the checker looks at all of it.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rand::RngExt;
use signalbus::Timestamp;
use signalbus_servers::{Durability, Postgres};
use signalbus_sim::history::{Event, Seen};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    evidence,
    host::{self, Duty},
    hunt, log,
    store::Place,
    trial::terminate,
};

/// How long hosts work beside each other, each time.
const BESIDE: Duration = Duration::from_secs(5);

/// How long a host may take until it sends something.
const BEGINS_WITHIN: Duration = Duration::from_secs(60);

/// Plays it with this program as the earlier version; false when a promise was broken.
pub(crate) async fn run(old: &Path, keep: Option<&Path>) -> Result<bool, Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let directory = keep.unwrap_or(temporary.path());
    if keep.is_some() {
        fs::create_dir(directory)?;
    }
    let server = Postgres::start(Durability::Full, &[])?;
    let schema: u32 = rand::rng().random();
    let upgrade = Upgrade {
        old,
        new_books: directory.to_owned(),
        // Of their own: who opens a book cuts off what is not a whole line, and others write meanwhile.
        old_books: directory.join("old"),
        url: server.url(),
        schema: format!("chaos_{schema}"),
    };
    fs::create_dir(&upgrade.old_books)?;
    for books in [&upgrade.new_books, &upgrade.old_books] {
        upgrade.place().choose(books)?;
    }
    log::open(&log::kills(directory))?;
    // Interruptions are those of processes that were killed while others sent.
    fs::write(directory.join(evidence::TRIAL), "")?;
    upgrade.play().await?;
    super::judge(directory).await
}

struct Upgrade<'a> {
    old: &'a Path,
    new_books: PathBuf,
    old_books: PathBuf,
    url: String,
    schema: String,
}

impl Upgrade<'_> {
    fn place(&self) -> Place {
        Place::Postgres(format!("{}?schema={}", self.url, self.schema))
    }

    async fn play(&self) -> Result<(), Box<dyn Error>> {
        let mut first = self.old(0)?;
        self.sends(&mut first, 0).await?;
        let before = self.version().await?;
        println!("earlier      made tables of version {before}, and sends");

        let mut new = hunt::start(&self.new_books, Duty::Steady, 1, 1)?;
        self.sends(&mut new, 1).await?;
        let after = self.version().await?;
        println!("this one     brought them to version {after}, and sends");
        if after <= before {
            return Err("the earlier version has the same tables: take an older one".into());
        }
        self.beside(&mut first, 0, &mut new).await?;
        self.kill(&mut first, 0).await?;

        let mut again = self.old(2)?;
        self.sends(&mut again, 2).await?;
        println!("earlier      opened the newer tables, and sends");
        self.beside(&mut again, 2, &mut new).await?;
        self.kill(&mut again, 2).await?;

        terminate(&new)?;
        let status = new.wait()?;
        if !status.success() {
            return Err(format!("this version did not stop in good order: {status}").into());
        }
        for book in ["book", "publications"] {
            let mut all = fs::read(self.new_books.join(book))?;
            all.extend(whole_lines(fs::read(self.old_books.join(book))?));
            fs::write(self.new_books.join(book), all)?;
        }
        let mut last = hunt::start(&self.new_books, Duty::Finish, 9, 2)?;
        match hunt::ended_within(&mut last, Duration::from_secs(120)).await? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the last host failed: {status}").into()),
            None => Err("the last host did not finish".into()),
        }
    }

    /// A host of the earlier version, which publishes and sends.
    fn old(&self, process: u32) -> std::io::Result<Child> {
        Command::new(self.old)
            .arg("host")
            .arg(&self.old_books)
            .args(["both", &process.to_string(), "1"])
            .stdin(Stdio::null())
            .spawn()
    }

    /// Waits until both have worked for a while, and sees that both did.
    async fn beside(
        &self,
        old: &mut Child,
        process: u32,
        new: &mut Child,
    ) -> Result<(), Box<dyn Error>> {
        let since = Timestamp::now();
        tokio::time::sleep(BESIDE).await;
        for (host, process) in [(old, process), (new, 1)] {
            if let Some(status) = host.try_wait()? {
                return Err(format!("host {process} ended by itself: {status}").into());
            }
            let sent = self.sent(process, since)?;
            println!("beside       host-{process} sent {sent}");
            if sent == 0 {
                return Err(format!("host {process} sent nothing beside the other").into());
            }
        }
        Ok(())
    }

    /// Waits until a host has sent something.
    async fn sends(&self, host: &mut Child, process: u32) -> Result<(), Box<dyn Error>> {
        let until = Instant::now() + BEGINS_WITHIN;
        while self.sent(process, Timestamp::MIN)? == 0 {
            if let Some(status) = host.try_wait()? {
                return Err(format!("host {process} ended by itself: {status}").into());
            }
            if Instant::now() > until {
                return Err(format!("host {process} sends nothing").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    fn sent(&self, process: u32, since: Timestamp) -> Result<usize, Box<dyn Error>> {
        let worker = host::name(process);
        let mut sent = 0;
        for books in [&self.new_books, &self.old_books] {
            let lines: Vec<Event> = log::read(&log::book(books))?;
            let of_it = |line: &&Event| {
                line.wall >= since
                    && matches!(&line.seen, Seen::Request(request) if request.worker == worker)
            };
            sent += lines.iter().filter(of_it).count();
        }
        Ok(sent)
    }

    async fn kill(&self, host: &mut Child, process: u32) -> Result<(), Box<dyn Error>> {
        host.kill()?;
        host.wait()?;
        let at = Timestamp::now();
        let place = self.place();
        place.gone(&host::name(process)).await?;
        let open = hunt::open_claims(&place, &self.new_books).await?;
        let kill = hunt::Kill { process, at, open };
        log::append(&log::open(&log::kills(&self.new_books))?, &kill)?;
        Ok(())
    }

    /// The version of the tables.
    async fn version(&self) -> Result<i32, Box<dyn Error>> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let version = format!("SELECT version FROM {}.meta", self.schema);
        Ok(sqlx::query_scalar(AssertSqlSafe(version))
            .fetch_one(&mut connection)
            .await?)
    }
}

/// What a kill cut short did not happen.
fn whole_lines(mut book: Vec<u8>) -> Vec<u8> {
    let end = book.iter().rposition(|byte| *byte == b'\n');
    book.truncate(end.map_or(0, |end| end + 1));
    book
}
