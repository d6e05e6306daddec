//! What workers do: lanes, fetch, claims and results.

use std::time::Duration;

use signalbus_core::{
    Class,
    store::{
        Account, Cause, ClaimAnswer, ClassWindow, CounterKey, Effect, EndState, Flush, LaneLease,
        LaneRequest, Next, Ready, Reason, Refund, Refusal, Settle, SettleAnswer, Space,
        Suppression, Take, Why, Window,
    },
};

use super::{
    fetch_rules,
    play::{Play, Verdict, failed, same},
    story::{After, CHANNELS, Look, Release, TENANTS, Wish},
    words,
};
use crate::store_suite::{Worker, channel, claim, result, taken, tenant};

/// What claims take from.
const COUNTERS: [CounterKey; 2] = [CounterKey([1; 16]), CounterKey([2; 16])];

/// After this long a counter begins anew.
const DAY: Duration = Duration::from_secs(10);

impl Play<'_> {
    pub(super) async fn hold(
        &mut self,
        worker: usize,
        wants: &[usize],
        release: Release,
    ) -> Verdict {
        let hand = &mut self.hands[worker];
        let owned = hand.worker.leases.iter().map(|lease| lease.lane);
        let release = match release {
            Release::Nothing => Vec::new(),
            Release::Surplus => std::mem::take(&mut hand.surplus),
            Release::One => owned.take(1).collect(),
            Release::Everything => owned.collect(),
        };
        let request = LaneRequest {
            worker: hand.worker.id,
            lease: Worker::LEASE,
            spaces: wants
                .iter()
                .map(|on| Space::send(&channel(CHANNELS[*on])))
                .collect(),
            release,
        };
        let told = self
            .store
            .hold_lanes(request.clone())
            .await
            .map_err(failed)?;
        hand.worker.leases.clone_from(&told.leases);
        hand.surplus.clone_from(&told.surplus);
        let lanes: Vec<_> = told
            .leases
            .iter()
            .map(|lease| format!("{:?} ({})", lease.lane, lease.epoch.0))
            .collect();
        let line = format!("lanes (epochs): {}", lanes.join(", "));
        self.say(&line);
        self.reference.hold(&request, &told)?;
        let told = self.store.unserved().await.map_err(failed)?;
        if !told.is_empty() {
            self.report.meet("unserved");
        }
        self.reference.unserved(&told)
    }

    pub(super) async fn fetch(&mut self, worker: usize, look: &Look) -> Verdict {
        let hand = &mut self.hands[worker];
        let skip: Vec<_> = look
            .skip
            .iter()
            .map(|(of, on)| Account {
                channel: channel(CHANNELS[*on]),
                tenant: tenant(TENANTS[*of]),
                pool: None,
            })
            .collect();
        let class_window = |class: &Class| ClassWindow {
            class: *class,
            total: look.total,
            after: None,
            skip: skip.clone(),
        };
        let mut classes: Vec<ClassWindow> = look.classes.iter().map(class_window).collect();
        if look.on {
            classes.iter_mut().for_each(|class| hand.go_on(class));
        }
        let window = Window {
            classes,
            per_group: look.per_group,
            channels: look
                .channels
                .iter()
                .map(|on| channel(CHANNELS[*on]))
                .collect(),
        };
        let leases = hand.worker.leases.clone();
        let told = self
            .store
            .fetch(&leases, window.clone())
            .await
            .map_err(failed)?;
        let names = |ready: Vec<&Ready>| {
            let names: Vec<_> = ready.into_iter().map(|one| self.name(one.id)).collect();
            names.join(", ")
        };
        let ready = names(told.ready.iter().collect());
        let interrupted = names(told.interrupted.iter().map(|one| &one.ready).collect());
        let line = format!("ready: {ready}; interrupted: {interrupted}");
        self.say(&line);
        for (what, met) in [
            ("ready", !told.ready.is_empty()),
            ("interrupted", !told.interrupted.is_empty()),
            ("cut", !told.resume.is_empty()),
        ] {
            if met {
                self.report.meet(what);
            }
        }
        fetch_rules::check(&self.reference, &leases, &window, &told)?;
        self.hands[worker].take_in(told);
        Ok(())
    }

    /// Reads all there is, claims as many as there are results, and writes these.
    pub(super) async fn send(&mut self, worker: usize, afters: &[After]) -> Verdict {
        let all: Vec<usize> = (0..CHANNELS.len()).collect();
        self.hold(worker, &all, Release::Nothing).await?;
        self.fetch(worker, &Look::all()).await?;
        let wish = |which| Wish {
            which,
            alone: false,
            takes: None,
        };
        let claims: Vec<_> = (0..afters.len()).map(wish).collect();
        let leases = self.hands[worker].worker.leases.clone();
        let flush = self.flush_of(worker, &claims, &[]);
        self.flush(worker, leases.clone(), flush).await?;
        let settles: Vec<_> = (0..).zip(afters.iter().cloned()).collect();
        let flush = self.flush_of(worker, &[], &settles);
        self.flush(worker, leases, flush).await
    }

    /// What this worker writes: each delivery is claimed, and settled, once at most.
    pub(super) fn flush_of(
        &self,
        worker: usize,
        claims: &[Wish],
        settles: &[(usize, After)],
    ) -> Flush {
        let hand = &self.hands[worker];
        let mut flush = Flush::default();
        for wish in claims {
            if let Some(ready) = from_the_end(&hand.read, wish.which)
                && flush.claims.iter().all(|one| one.id != ready.id)
            {
                let mut claim = claim(ready);
                claim.alone = wish.alone;
                let until = self.after(DAY);
                let takes = wish
                    .takes
                    .map(|(from, amount)| Take::new(COUNTERS[from], amount, 2, until));
                claim.takes = takes.into_iter().collect();
                flush.claims.push(claim);
            }
        }
        for (which, after) in settles {
            if let Some(flight) = from_the_end(&hand.flights, *which)
                && flush.settles.iter().all(|one| one.id != flight.before.id)
            {
                flush.settles.push(self.settle_of(&flight.before, after));
            }
        }
        flush
    }

    fn settle_of(&self, before: &Ready, after: &After) -> Settle {
        let name = self.name(before.id);
        match after {
            After::Taken => taken(before, &format!("m-{name}")),
            After::Retry { wait, rendered } => {
                let mut settle = result(before, Next::Retry(*wait));
                let text = format!("{name}, try {} of {}", settle.attempt, settle.generation);
                settle.rendering = rendered.then(|| text.into());
                settle.refunds = (!rendered)
                    .then_some(Refund::new(COUNTERS[0], 1))
                    .into_iter()
                    .collect();
                settle
            }
            After::Later { wait } => {
                let (until, why) = (self.after(*wait), Why::QuietHours);
                let mut settle = result(before, Next::Later { until, why });
                settle.memo = Some(format!("{name} waits").into());
                settle
            }
            After::End { state, suppress } => {
                let mut settle = result(before, Next::End(*state, reason_of(*state)));
                let address = self
                    .reference
                    .find(before.id)
                    .and_then(|delivery| delivery.new.address);
                settle.effects = address
                    .filter(|_| *suppress)
                    .map(|address| {
                        let (of, on) = (before.tenant.clone(), before.channel.clone());
                        Effect::Suppress(Suppression::new(of, on, address, Cause::Bounced))
                    })
                    .into_iter()
                    .collect();
                settle
            }
        }
    }

    pub(super) async fn flush(
        &mut self,
        worker: usize,
        leases: Vec<LaneLease>,
        flush: Flush,
    ) -> Verdict {
        let told = self.store.flush(&leases, &flush).await.map_err(failed)?;
        for (settle, answer) in flush.settles.iter().zip(&told.settles) {
            let name = self.name(settle.id);
            let line = format!(
                "result of {name} ({}.{}): {:?} -> {answer:?}",
                settle.generation, settle.attempt, settle.next
            );
            self.say(&line);
        }
        for (claim, answer) in flush.claims.iter().zip(&told.claims) {
            let name = self.name(claim.id);
            let answer = match answer {
                ClaimAnswer::Claimed(_) => "claimed".to_owned(),
                other => format!("{other:?}"),
            };
            let line = format!(
                "claim of {name} ({}.{}) -> {answer}",
                claim.generation, claim.attempt
            );
            self.say(&line);
        }
        same("the time", &told.now, &self.reference.now)?;
        let settled = self.reference.settle_all(&leases, &flush.settles);
        same("what became of results", &told.settles, &settled)?;
        let claimed: Vec<String> = flush
            .claims
            .iter()
            .map(|claim| words::claim(&self.reference.claim(&leases, claim)))
            .collect();
        let answers: Vec<String> = told.claims.iter().map(words::claim).collect();
        same("what became of claims", &answers, &claimed)?;
        self.land(worker, &flush, &told.settles);
        self.take_off(worker, &flush, &told.claims);
        self.hands[worker].last = Some((leases, flush));
        Ok(())
    }

    fn land(&mut self, worker: usize, flush: &Flush, answers: &[SettleAnswer]) {
        for (settle, answer) in flush.settles.iter().zip(answers) {
            self.report.meet(match answer {
                SettleAnswer::Applied => "applied",
                SettleAnswer::Already => "already",
                _ => "lane lost",
            });
            self.hands[worker].landed(settle.id);
        }
    }

    fn take_off(&mut self, worker: usize, flush: &Flush, answers: &[ClaimAnswer]) {
        for (claim, answer) in flush.claims.iter().zip(answers) {
            self.report.meet(match answer {
                ClaimAnswer::Claimed(_) => "claimed",
                ClaimAnswer::Refused(Refusal::Expired) => "refused: expired",
                ClaimAnswer::Refused(Refusal::Suppressed) => "refused: suppressed",
                ClaimAnswer::Refused(_) => "refused: moved",
                ClaimAnswer::Later { .. } => "refused: capped",
                _ => "lane lost",
            });
            let hand = &mut self.hands[worker];
            if matches!(answer, ClaimAnswer::Claimed(_))
                && let Some(ready) = hand.read.iter().find(|ready| ready.id == claim.id)
            {
                let ready = ready.clone();
                hand.fly(ready);
            }
        }
    }
}

/// One of these, counted from the end and round.
pub(super) fn from_the_end<T>(of: &[T], which: usize) -> Option<&T> {
    let last = of.len().checked_sub(1)?;
    of.get(last - which % of.len())
}

fn reason_of(state: EndState) -> Reason {
    match state {
        EndState::Dead => Reason::Refused,
        EndState::Expired => Reason::Expired,
        EndState::Cancelled => Reason::Cancelled,
        EndState::Suppressed => Reason::Suppressed,
        EndState::NotNeeded => Reason::NoRoute,
        EndState::OutcomeUnknown => Reason::NoAnswer,
        EndState::Accepted => Reason::Sent,
    }
}
