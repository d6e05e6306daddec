//! The model finds what is broken as well, without a rule written for it.

use std::sync::Arc;

use signalbus::Clock;
use signalbus_testkit::{
    Layered,
    store_model::{Failure, Report, Settings, check},
    store_suite::Place,
};

use super::{
    broken::{Broken, Fault},
    honest,
};

/// More stories than a faulty store survives.
const STORIES: Settings = Settings {
    cases: 300,
    steps: 80,
    seed: 1,
};

fn stories(fault: Option<Fault>) -> Result<Report, Box<Failure>> {
    let open = async move |clock: Arc<dyn Clock>, place: &Place| {
        place.keep(|| Layered(Broken::new(honest(clock), fault)))
    };
    check(open, STORIES)
}

macro_rules! caught {
    ($($test:ident: $fault:ident in $steps:literal;)*) => {
        $(
            #[test]
            fn $test() {
                let failure = stories(Some(Fault::$fault)).expect_err("the model found nothing");
                assert!(failure.story.len() <= $steps, "the story is long: {failure}");
            }
        )*
    };
}

caught! {
    the_second_of_a_batch_is_lost: LosesTheSecond in 4;
    keys_are_lost: LosesKeys in 4;
    stale_positions_move: MovesStalePositions in 4;
    lanes_that_run_are_taken: TakesRunningLanes in 6;
    windows_are_not_kept: IgnoresTheWindow in 8;
    a_cursor_passes_late_rows: KeepsACursor in 8;
    successors_come_early: IgnoresStrictOrder in 8;
    answers_come_backwards: AnswersBackwards in 8;
    the_expired_is_sent: ForgetsExpiry in 8;
    late_results_suppress: SuppressesTwice in 20;
    results_apply_twice: AppliesTwice in 8;
    retries_come_at_once: RetriesAtOnce in 8;
    renderings_are_lost: LosesRenderings in 12;
    zombies_write: IgnoresEpochs in 10;
    interrupted_claims_are_hidden: HidesInterrupted in 10;
    cancelled_sends_are_retried: ForgetsInFlightCancels in 10;
    both_redrives_win: LetsBothRedrivesWin in 6;
    receipts_count_twice: CountsReceiptsTwice in 4;
    tenants_read_each_other: ForgetsTenants in 4;
    too_much_is_purged: PurgesTooMuch in 6;
    recipients_are_lost: LosesRecipients in 8;
    secrets_are_kept: KeepsSecrets in 16;
    not_all_is_erased: ErasesOneOnly in 6;
}

/// The stories meet every answer there is, so that a run that finds nothing says something.
#[test]
fn the_stories_meet_everything() {
    let report = stories(None).unwrap_or_else(|failure| panic!("{failure}"));
    for what in [
        "ready",
        "interrupted",
        "cut",
        "unserved",
        "claimed",
        "refused: expired",
        "refused: suppressed",
        "refused: moved",
        "applied",
        "already",
        "lane lost",
        "duplicate",
        "conflict",
        "stale position",
        "receipt: advanced",
        "receipt: recorded",
        "receipt: duplicate",
        "receipt: parked",
        "cancel",
        "redriven",
        "purged",
        "erased",
    ] {
        assert!(report.count(what) >= 10, "{what} is too rare: {report}");
    }
}

/// The same seed tells the same stories.
#[test]
fn a_seed_gives_the_same_stories() {
    let told = || stories(Some(Fault::AppliesTwice)).expect_err("it is broken");
    assert_eq!(told().story, told().story);
}
