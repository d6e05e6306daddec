//! Random stories on a store and on a reference of what it has to do, compared after each step.
//!
//! The [suite](mod@crate::store_suite) names the rules one by one; the model finds what no rule was
//! written for: a claim repeated after a redrive, a receipt between two tries, a clock that goes
//! back. Each story has up to [`Settings::steps`] calls: accept, lanes, fetch, flush (also the same
//! one twice), receipts, cancel, redrive, suppress, purge, and time that passes. Answers,
//! deliveries and counts are compared after each call, histories at the end. A story that fails is
//! made as short as it can be, and printed.
//!
//! ```
//! # // The test is not run here, but everything compiles.
//! use signalbus::store::MemoryStore;
//! use signalbus_testkit::store_suite::LANES;
//!
//! signalbus_testkit::store_model! {
//!     open: async |clock, place| {
//!         place.keep(|| MemoryStore::builder().clock(clock).lanes(LANES).build())
//!     },
//! }
//! ```
//!
//! With `trouble: |folder| …` now and then a call meets a disk that is full, or whatever the closure begins for the
//! store in this folder and ends when what it gives is dropped: what is refused must have done nothing, and be
//! taken by the same store afterwards.
//!
//! `open` is that of the suite. The same seed gives the same stories; see [`Settings`] for more of
//! them.

mod calls;
mod fetch_rules;
mod hand;
mod play;
mod reference;
mod story;
mod trouble;
mod words;
mod work;

use std::{
    any::Any,
    cell::RefCell,
    collections::BTreeMap,
    env,
    error::Error,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    str::FromStr,
    sync::Arc,
};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use signalbus_core::{Clock, store::Store};

use self::{
    play::{Play, World},
    story::{Step, any_story},
};
use crate::store_suite::{Place, harness::opener};

/// How many stories, how long, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many stories: 48, or what `SIGNALBUS_MODEL_CASES` says.
    pub cases: u32,
    /// The most steps of a story: 80, or what `SIGNALBUS_MODEL_STEPS` says.
    pub steps: usize,
    /// Which stories: 1, or what `SIGNALBUS_MODEL_SEED` says.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cases: from_env("SIGNALBUS_MODEL_CASES", 48),
            steps: from_env("SIGNALBUS_MODEL_STEPS", 80),
            seed: from_env("SIGNALBUS_MODEL_SEED", 1),
        }
    }
}

fn from_env<T: FromStr>(name: &str, otherwise: T) -> T {
    let said = env::var(name).ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// What the stories met: so that a run cannot pass because nothing happened in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How often each answer was given.
    pub met: BTreeMap<&'static str, u64>,
}

impl Report {
    /// How often this was met.
    #[must_use]
    pub fn count(&self, what: &str) -> u64 {
        self.met.get(what).copied().unwrap_or(0)
    }

    fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (what, count)) in self.met.iter().enumerate() {
            let comma = if nth == 0 { "" } else { ", " };
            write!(f, "{comma}{what} {count}")?;
        }
        Ok(())
    }
}

/// A story in which a store did not do what it has to.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What was wrong in the last step.
    pub what: String,
    /// The steps with the answers of the store.
    pub story: Vec<String>,
    /// The seed that led to it.
    pub seed: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the store is not as it should be (seed {}):", self.seed)?;
        for line in &self.story {
            writeln!(f, "{line}")?;
        }
        write!(f, "  => {}", self.what)
    }
}

impl Error for Failure {}

/// Tells stories to new stores until one goes wrong.
///
/// # Errors
/// The shortest story found in which the store was wrong.
pub fn check<F, S>(open: F, settings: Settings) -> Result<Report, Box<Failure>>
where
    F: AsyncFn(Arc<dyn Clock>, &Place) -> S + 'static,
    S: Store,
{
    let open = opener(open);
    explore(
        &World {
            open,
            trouble: None,
        },
        settings,
    )
}

/// The same where now and then a call that writes meets trouble first.
///
/// `trouble` lets the store that lies in a folder be unable to write until what it gives is dropped.
///
/// # Errors
/// The shortest story found in which the store was wrong.
pub fn check_in_trouble<F, S, T>(
    open: F,
    trouble: impl Fn(&Path) -> T + Send + Sync + 'static,
    settings: Settings,
) -> Result<Report, Box<Failure>>
where
    F: AsyncFn(Arc<dyn Clock>, &Place) -> S + 'static,
    S: Store,
    T: Send + 'static,
{
    let begin = move |folder: &Path| Box::new(trouble(folder)) as Box<dyn Any + Send>;
    let world = World {
        open: opener(open),
        trouble: Some(Arc::new(begin)),
    };
    explore(&world, settings)
}

fn explore(world: &World, settings: Settings) -> Result<Report, Box<Failure>> {
    let report = RefCell::new(Report::default());
    let config = Config {
        cases: settings.cases,
        failure_persistence: None,
        max_shrink_iters: 3_000,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&settings.seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&any_story(settings.steps), |story| {
        let told = tell(world, &story, &mut report.borrow_mut());
        told.map_err(|failed| TestCaseError::fail(failed.0))
    });
    match outcome {
        Ok(()) => Ok(report.into_inner()),
        Err(TestError::Abort(reason)) => Err(Box::new(Failure {
            what: reason.message().to_owned(),
            story: Vec::new(),
            seed: settings.seed,
        })),
        Err(TestError::Fail(reason, story)) => {
            let again = catch_unwind(AssertUnwindSafe(|| {
                tell(world, &story, &mut Report::default())
            }));
            let (what, story) = match again {
                Ok(Err(failed)) => failed,
                // The store panics: the steps are all there is to say.
                _ => (
                    reason.message().to_owned(),
                    story.iter().map(ToString::to_string).collect(),
                ),
            };
            Err(Box::new(Failure {
                what,
                story,
                seed: settings.seed,
            }))
        }
    }
}

/// Plays one story on a new store.
fn tell(world: &World, story: &[Step], report: &mut Report) -> Result<(), (String, Vec<String>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| (error.to_string(), Vec::new()))?;
    runtime.block_on(async {
        let mut play = Play::new(world, report).await;
        let outcome = play.tell(story).await;
        for _ in 0..play.refused() {
            play.report.meet("refused");
        }
        outcome.map_err(|what| (what, play.into_story()))
    })
}

/// Makes a test of the model; see [`store_model`](mod@crate::store_model).
#[macro_export]
macro_rules! store_model {
    (open: $open:expr, trouble: $trouble:expr $(,)?) => {
        /// Whatever happens, the store answers as the reference does; what it refused has done nothing.
        #[test]
        fn the_store_does_what_the_model_does_in_trouble() {
            $crate::store_model::run_in_trouble($open, $trouble);
        }
    };
    (open: $open:expr $(,)?) => {
        /// Whatever happens, the store answers as the reference does.
        #[test]
        fn the_store_does_what_the_model_does() {
            $crate::store_model::run($open);
        }
    };
}

/// Tells as many stories as [`Settings::default`] says.
///
/// # Panics
/// With the story, when the store is wrong; and when the stories were so few that nothing was sent.
pub fn run<F, S>(open: F)
where
    F: AsyncFn(Arc<dyn Clock>, &Place) -> S + 'static,
    S: Store,
{
    judge(check(open, Settings::default()), &["claimed", "applied"]);
}

/// The same with [`check_in_trouble`].
///
/// # Panics
/// With the story, when the store is wrong; and when nothing was sent, or nothing was refused.
pub fn run_in_trouble<F, S, T>(open: F, trouble: impl Fn(&Path) -> T + Send + Sync + 'static)
where
    F: AsyncFn(Arc<dyn Clock>, &Place) -> S + 'static,
    S: Store,
    T: Send + 'static,
{
    let told = check_in_trouble(open, trouble, Settings::default());
    judge(told, &["claimed", "applied", "refused"]);
}

fn judge(told: Result<Report, Box<Failure>>, met: &[&str]) {
    match told {
        Ok(report) => assert!(
            met.iter().all(|what| report.count(what) > 0),
            "the stories were too few: {report}"
        ),
        Err(failure) => panic!("{failure}"),
    }
}
