//! Starts, kills, starts again, and compares.

use std::{
    env,
    process::{Child, Command},
    time::Duration,
};

use signalbus::{
    Store, TenantId,
    store::{AttemptOutcome, DeliveryFilter, EndState, Entry, PageToken, State},
};
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::fakes::Act;

use crate::{child::Job, fake::Kind};

/// A point at which the process is killed.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What the fake does with the third of five messages.
    pub(crate) act: Act,
    /// Whether it has taken the message then.
    pub(crate) taken: bool,
    pub(crate) looks_up: bool,
    pub(crate) at_most_once: bool,
}

const MESSAGES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn kill(scenario: Scenario) {
    let Scenario {
        name,
        kind,
        act,
        taken,
        looks_up,
        at_most_once,
    } = scenario;
    let fake = kind.start().await;
    let folder = tempfile::tempdir().unwrap();
    fake.play([Act::Take, Act::Take, act]);
    let mut job = Job {
        database: folder.path().join("notifications.db"),
        url: fake.url(),
        kind,
        looks_up,
        at_most_once,
        messages: MESSAGES,
    };
    let mut child = start(&job);
    // All five are under way; the others are answered.
    let expected = MESSAGES - usize::from(!taken);
    until(|| fake.requests() == MESSAGES && fake.taken().len() == expected).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let before = fake.requests();

    job.messages = 0;
    let mut child = start(&job);
    until(|| child.try_wait().unwrap().is_some()).await;
    assert!(
        child.wait().unwrap().success(),
        "{name}: the second process failed"
    );

    let store = SqliteStore::open(&job.database).await.unwrap();
    let tenant = TenantId::default();
    let page = store
        .list(&DeliveryFilter::new(), PageToken::first(1000))
        .await
        .unwrap();
    assert_eq!(page.items.len(), MESSAGES, "{name}");
    let (mut twice, mut unknown) = (0, 0);
    for delivery in &page.items {
        let history = store.history(&tenant, delivery.id).await.unwrap();
        let doubts = history
            .iter()
            .filter(|line| {
                matches!(&line.entry, Entry::Attempt(attempt)
                if !matches!(attempt.outcome, AttemptOutcome::Accepted { .. }))
            })
            .count();
        let reference = format!("default/{}", delivery.id);
        let taken = fake.taken();
        let books = taken
            .iter()
            .filter(|told| told.contains(&reference))
            .count();
        match delivery.state {
            State::Ended(EndState::Accepted) => {
                assert!(books >= 1, "{name}: accepted, but not in the books")
            }
            State::Ended(EndState::OutcomeUnknown) => unknown += 1,
            state => panic!("{name}: ended as {state:?}"),
        }
        assert!(
            books <= 1 + doubts,
            "{name}: {books} in the books, and {doubts} doubts in the history"
        );
        twice += usize::from(books > 1);
    }
    println!(
        "{}, killed when {name}; look-up {looks_up}, at most once {at_most_once}: {before} requests \
         before, {} after, {twice} sent twice, {unknown} unknown",
        kind.name(),
        fake.requests() - before
    );
    match (looks_up, at_most_once) {
        (true, false) => assert_eq!((twice, unknown), (0, 0), "{name}: the look-up tells"),
        // That nothing is found does not say that nothing was sent.
        (true, true) => assert_eq!((twice, unknown), (0, usize::from(!taken)), "{name}"),
        (false, true) => {
            assert_eq!(twice, 0, "{name}: nothing may be sent twice");
            assert!(unknown >= 1, "{name}: what nobody knows must be said");
        }
        (false, false) => {
            assert_eq!(unknown, 0, "{name}");
            let least = usize::from(taken);
            assert!(twice >= least, "{name}: what nobody knows is sent again");
        }
    }
}

fn start(job: &Job) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(job.args())
        .spawn()
        .expect("this program starts itself")
}

/// Looks now and then: the other end is another process.
#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
async fn until(mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE * 2, waiting)
        .await
        .expect("it took too long");
}
