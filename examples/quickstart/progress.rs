//! How far it is: a bar on a terminal, now and then a line elsewhere.

use std::{io::IsTerminal, pin::pin, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use signalbus::{
    Signalbus,
    store::{DeliveryFilter, State, StoreError},
};

/// How often the store is asked.
const TICK: Duration = Duration::from_millis(50);

/// Without a terminal a line is written when so many more are done.
const LINE_EVERY: usize = 100;

/// So many of a total.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    done: usize,
    total: usize,
    written: usize,
}

impl Progress {
    pub(crate) fn new(what: &'static str, done: usize, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix:>9} {wide_bar} {pos}/{len}");
            ProgressBar::no_length()
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_prefix(what)
        });
        let mut progress = Self {
            what,
            bar,
            done,
            total,
            written: done,
        };
        progress.set(done, total);
        progress
    }

    pub(crate) fn add(&mut self, more: usize) {
        self.set(self.done + more, self.total);
    }

    pub(crate) fn set(&mut self, done: usize, total: usize) {
        (self.done, self.total) = (done, total);
        match &self.bar {
            Some(bar) => {
                bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
                bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
            }
            None if done >= self.written + LINE_EVERY => self.line(),
            None => {}
        }
    }

    pub(crate) fn finish(mut self) {
        match &self.bar {
            Some(bar) => {
                bar.abandon();
                // It leaves the cursor behind its last character.
                eprintln!();
            }
            None if self.written < self.done => self.line(),
            None => {}
        }
    }

    fn line(&mut self) {
        self.written = self.done;
        eprintln!("{} {} of {}", self.what, self.done, self.total);
    }
}

/// Waits until there is nothing more to send now.
pub(crate) async fn until_idle(signalbus: &Signalbus) -> Result<(), StoreError> {
    let mut progress = Progress::new("worked off", 0, 0);
    let mut idle = pin!(signalbus.idle());
    let mut tick = tokio::time::interval(TICK);
    loop {
        let is_idle = tokio::select! {
            () = &mut idle => true,
            _ = tick.tick() => false,
        };
        let (ended, all) = count(signalbus).await?;
        progress.set(ended, all);
        if is_idle {
            progress.finish();
            if ended < all {
                eprintln!("{} more when their time has come", all - ended);
            }
            return Ok(());
        }
    }
}

/// How many deliveries have ended, and how many there are.
async fn count(signalbus: &Signalbus) -> Result<(usize, usize), StoreError> {
    let (mut ended, mut all) = (0, 0);
    for tally in signalbus.tally(&DeliveryFilter::new()).await? {
        let count = usize::try_from(tally.count).unwrap_or(usize::MAX);
        all += count;
        if matches!(tally.state, State::Ended(_)) {
            ended += count;
        }
    }
    Ok((ended, all))
}
