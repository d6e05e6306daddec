//! The parent: starts children one after the other, and looks at what they left behind.

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use signalbus::store::{
    AttemptOutcome, DeliveryFilter, EndState, Entry, HistoryEntry, PageToken, State, Store,
};
use signalbus_postgres::PostgresStore;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{
    orders::{Job, ORDERS, Orders, Point},
    provider::book,
    support,
};

/// Far more than a child needs, far less than a lease.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) fn answers(directory: &Path) -> PathBuf {
    directory.join("answers")
}

/// A schema, a directory with a book and answers; and how its children are set up.
pub(crate) struct Scene {
    directory: TempDir,
    pub(crate) schema: String,
    pub(crate) at_most_once: bool,
    pub(crate) refuse: bool,
    pub(crate) slots: usize,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            schema: support::schema(),
            at_most_once: false,
            refuse: false,
            slots: 64,
        }
    }

    pub(crate) fn at_most_once() -> Self {
        Self {
            at_most_once: true,
            ..Self::new()
        }
    }

    /// A child that lives to the end of its job.
    pub(crate) async fn finishes(&self, job: Job) {
        let status = self.run(job, None).await;
        assert!(status.success(), "{status}");
    }

    /// A child that kills itself at this point.
    pub(crate) async fn dies(&self, job: Job, point: Point) {
        let status = self.run(job, Some(point)).await;
        assert_eq!(status.signal(), Some(9), "{point:?}: {status}");
    }

    /// Starts children that may kill themselves at this point until one finishes; says how many
    /// died.
    pub(crate) async fn deaths(&self, job: Job, point: Point) -> usize {
        for deaths in 0..10 {
            let status = self.run(job.clone(), Some(point)).await;
            if status.success() {
                return deaths;
            }
            assert_eq!(status.signal(), Some(9), "{point:?}: {status}");
        }
        panic!("the tenth child died too");
    }

    async fn run(&self, job: Job, die: Option<Point>) -> ExitStatus {
        let mut child = self.start(job, die);
        let status = tokio::time::timeout(LIMIT, child.wait()).await;
        status
            .unwrap_or_else(|_| panic!("a child did not end"))
            .unwrap()
    }

    /// Starts a child.
    pub(crate) fn start(&self, job: Job, die: Option<Point>) -> Child {
        let orders = Orders {
            directory: self.directory.path().to_owned(),
            schema: self.schema.clone(),
            job,
            die,
            at_most_once: self.at_most_once,
            refuse: self.refuse,
            slots: self.slots,
        };
        Command::new(std::env::current_exe().unwrap())
            .args(["child::child", "--exact", "--nocapture"])
            .env(ORDERS, serde_json::to_string(&orders).unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// What the publishers were answered.
    pub(crate) fn answers(&self) -> Vec<String> {
        lines(&answers(self.directory.path()))
    }

    /// How many requests the provider got, by message and generation.
    pub(crate) fn requests(&self) -> BTreeMap<(usize, u32), usize> {
        let mut requests = BTreeMap::new();
        for line in lines(&book(self.directory.path())) {
            let (number, generation) = line.split_once(' ').unwrap();
            let key = (number.parse().unwrap(), generation.parse().unwrap());
            *requests.entry(key).or_default() += 1;
        }
        requests
    }

    /// The store, when all children are done.
    pub(crate) async fn store(&self) -> PostgresStore {
        support::builder(&self.schema).open().await.unwrap()
    }

    /// Waits until so many messages were sent and written down as sent.
    pub(crate) async fn settled(&self, count: usize) {
        let store = self.store().await;
        let began = std::time::Instant::now();
        loop {
            let sent = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
            let tallies = store.tally(&sent).await.unwrap();
            let sent: u64 = tallies.iter().map(|tally| tally.count).sum();
            if usize::try_from(sent).unwrap() >= count {
                return;
            }
            assert!(began.elapsed() < LIMIT, "{sent} of {count} were sent");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How each message ended, in the order in which they were published.
    pub(crate) async fn endings(&self) -> Vec<Ending> {
        let store = self.store().await;
        let all = DeliveryFilter::new();
        let page = store.list(&all, PageToken::first(100)).await.unwrap();
        let mut endings = Vec::new();
        for record in page.items {
            let history = store.history(&record.tenant, record.id);
            let reason = record.reason.as_ref().map_or("", |reason| reason.as_str());
            endings.push(Ending {
                state: format!("{} ({reason})", record.state.as_str()),
                history: history.await.unwrap().iter().map(word).collect(),
            });
        }
        endings
    }
}

/// How a message ended, and what led to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) state: String,
    pub(crate) history: Vec<String>,
}

impl Ending {
    pub(crate) fn new<const N: usize>(state: &str, history: [&str; N]) -> Self {
        Self {
            state: state.to_owned(),
            history: history.map(str::to_owned).to_vec(),
        }
    }
}

/// The same number of requests for each of these messages, in one generation.
pub(crate) fn each(
    messages: std::ops::Range<usize>,
    generation: u32,
    requests: usize,
) -> BTreeMap<(usize, u32), usize> {
    messages
        .map(|number| ((number, generation), requests))
        .collect()
}

/// `generation.attempt outcome -> next` for an attempt.
fn word(entry: &HistoryEntry) -> String {
    match &entry.entry {
        Entry::Attempt(record) => {
            let outcome = match &record.outcome {
                AttemptOutcome::Accepted { .. } => "accepted".to_owned(),
                AttemptOutcome::Failed(outcome) => format!("{outcome:?}").to_lowercase(),
                AttemptOutcome::Interrupted => "interrupted".to_owned(),
            };
            let (generation, attempt) = (record.generation, record.attempt);
            format!("{generation}.{attempt} {outcome} -> {}", record.next)
        }
        Entry::Redriven { ended, began, .. } => format!("redriven {ended} -> {began}"),
        other => format!("{other:?}"),
    }
}

fn lines(path: &Path) -> Vec<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.lines().map(str::to_owned).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
