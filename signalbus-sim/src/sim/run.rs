use std::{sync::Arc, time::Duration};

use signalbus::{
    Clock as _, MemoryStore, ProviderName, Signalbus, Store as _,
    bus::MemoryBus,
    name::ChannelName,
    store::{DeliveryFilter, State},
};
use tokio::task::JoinSet;

use super::{
    bus::SimBus,
    counters::Tills,
    draw::{hash, text},
    garbage,
    gate::Gate,
    operator,
    publisher::{self, Ledger},
    script::{Ability, Action, Desk, Do, Forever, Script, Setup},
    worker::{self, Fallible, Site, Worker},
    world::World,
};
use crate::history::{Broken, History, Rules, Seen, Violation, check, ends};

/// A run of a script, and what was seen in it.
#[derive(Debug)]
pub struct Run {
    /// What was played.
    pub script: Script,
    /// What was seen.
    pub history: History,
    /// What is wrong with it.
    pub violations: Vec<Violation>,
    /// How long after the last fault the last delivery ended.
    pub recovery: Duration,
}

/// After the last fault all must be done in this time: the wait of a configuration fault, the
/// longest jump back of all jumps together, and the longest pause of a breaker, with room.
const DEADLINE: Duration = Duration::from_secs(600);

/// Plays a script in its own tokio runtime, in simulated time.
///
/// # Errors
/// When the simulation itself cannot be set up.
pub fn run(script: &Script) -> Fallible<Run> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let tills = Tills::default();
    let mut played = metrics::with_local_recorder(&tills, || runtime.block_on(play(script)))?;
    // Dropping it drops what was left of broken workers.
    drop(runtime);
    played.history.counters = Some(tills.read());
    let violations = check(&played.history);
    Ok(Run {
        script: script.clone(),
        history: played.history,
        violations,
        recovery: played.recovery,
    })
}

impl Run {
    /// A number that two runs share only when they did the same.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.history.events.iter().fold(0, |trace, event| {
            hash(&[trace, text(&format!("{event:?}"))])
        })
    }
}

struct Played {
    history: History,
    recovery: Duration,
}

/// Everything on the stage.
struct Stage {
    site: Site,
    workers: Vec<Worker>,
    /// A process that only publishes, and is never broken.
    outside: Signalbus,
    outside_tasks: JoinSet<()>,
    ledger: Ledger,
}

async fn play(script: &Script) -> Fallible<Played> {
    let mut stage = Stage::new(script)?;
    let world = Arc::clone(&stage.site.world);
    for action in &script.actions {
        let wait = action.at.saturating_sub(world.clock.monotonic());
        world.clock.sleep(wait).await;
        stage.act(action)?;
    }
    let wait = script.setup.heal.saturating_sub(world.clock.monotonic());
    world.clock.sleep(wait).await;
    stage.heal()?;
    let healed = world.clock.monotonic();
    let done = stage.drain(healed).await?;
    if stage.open().await? == 0 && stage.bury() {
        // What the bus had given to those that stand still is given to others.
        let buried = world.clock.monotonic();
        stage.drain(buried).await?;
    }
    stage.leave().await;
    let mut ends = ends(&stage.site.store).await?;
    ends.extend(world.take_purged());
    let rules = rules(script)?;
    Ok(Played {
        recovery: done.saturating_sub(healed),
        history: History {
            rules,
            events: world.journal.take(),
            ends,
            counters: None,
        },
    })
}

fn rules(script: &Script) -> Fallible<Rules> {
    let retry = worker::retry();
    let broken = match script.setup.forever {
        Some(Forever::Provider(Desk::Code)) => vec![ChannelName::new("code")?],
        _ => Vec::new(),
    };
    Ok(Rules {
        max_attempts: retry.max_attempts,
        floor: retry.floor,
        breaker_failures: worker::breaker().failures,
        at_most_once: vec![ChannelName::new("code")?],
        asked: able(script, Ability::Lookup)?,
        recognising: able(script, Ability::Recognises)?,
        unfairness: unfairness(script),
        broken_channels: broken,
        calm: script.setup.calm,
    })
}

/// The providers that can do this.
fn able(script: &Script, ability: Ability) -> Fallible<Vec<ProviderName>> {
    let able = Desk::ALL
        .into_iter()
        .filter(|desk| script.setup.ability(*desk) == ability);
    able.map(|desk| Ok(ProviderName::new(desk.name())?))
        .collect()
}

/// What a worker may take of one tenant before another is seen that comes just behind it: a
/// window, and what is in flight meanwhile.
fn unfairness(script: &Script) -> Option<u64> {
    let Setup { slots, window, .. } = script.setup;
    let calm = script.setup.calm;
    calm.then(|| u64::try_from(slots + window + 8).unwrap_or(u64::MAX))
}

impl Stage {
    fn new(script: &Script) -> Fallible<Self> {
        let world = Arc::new(World::new(script));
        let store = MemoryStore::builder()
            .clock(Arc::new(world.clock.clone()))
            .lanes(script.setup.lanes)
            .build();
        let bus = MemoryBus::with_clock(world.clock.clone());
        let site = Site {
            bus: if script.setup.acknowledged {
                bus.acknowledged()
            } else {
                bus
            },
            store,
            world,
        };
        let outside = worker::engine(
            &site,
            "outside",
            &Arc::new(Gate::new()),
            None,
            hash(&[script.seed]),
        )?;
        let mut workers: Vec<Worker> = (0..script.setup.workers).map(Worker::new).collect();
        for worker in &mut workers {
            worker.start(&site)?;
        }
        Ok(Self {
            site,
            workers,
            outside,
            outside_tasks: JoinSet::new(),
            ledger: Ledger::default(),
        })
    }

    fn act(&mut self, action: &Action) -> Fallible<()> {
        let world = Arc::clone(&self.site.world);
        match &action.what {
            Do::Publish(publishing) => {
                let (engine, tasks) = desk(
                    &mut self.workers,
                    publishing.worker,
                    &self.outside,
                    &mut self.outside_tasks,
                );
                let ledger = self.ledger.clone();
                let publishing = publishing.clone();
                tasks.spawn(publisher::publish(
                    world, engine, ledger, action.id, publishing,
                ));
            }
            Do::Cancel { .. }
            | Do::Redrive { .. }
            | Do::Suppress { .. }
            | Do::Hold { .. }
            | Do::Receipt { .. }
            | Do::Purge { .. }
            | Do::Peek { .. } => {
                let engine = self.outside.clone();
                let ledger = self.ledger.clone();
                self.outside_tasks.spawn(operator::operate(
                    world,
                    engine,
                    ledger,
                    action.id,
                    action.what.clone(),
                ));
            }
            Do::Garbage { kind } => {
                let bus = SimBus {
                    inner: self.site.bus.clone(),
                    world: Arc::clone(&world),
                    gate: Arc::new(Gate::new()),
                    worker: None,
                };
                let topic = worker::TOPIC.to_owned();
                self.outside_tasks
                    .spawn(garbage::hand(world, bus, topic, *kind));
            }
            Do::Trouble(trouble) => {
                world.add_trouble(action.id, trouble.clone());
                other(&world, format!("{trouble:?}"));
            }
            Do::Outage { desk, how, lasts } => {
                world.add_outage(*desk, *how, *lasts);
                other(&world, format!("{desk:?} {how:?} for {lasts:?}"));
            }
            Do::Jump { millis } => {
                world.clock.jump(*millis);
                let jumped = Broken::Jumped { millis: *millis };
                world.journal.write("nemesis", Seen::Fault(jumped));
            }
            Do::Start { worker } => {
                if let Some(worker) = self.workers.get_mut(usize::from(*worker)) {
                    worker.start(&self.site)?;
                }
            }
            Do::Crash { worker } => self.with(*worker, |worker| worker.crash(&world)),
            Do::Leave { worker } => self.with(*worker, Worker::leave),
            Do::Pause { worker } => self.with(*worker, |worker| worker.pause(&world, true)),
            Do::Resume { worker } => self.with(*worker, |worker| worker.pause(&world, false)),
        }
        Ok(())
    }

    fn with(&mut self, worker: u8, act: impl FnOnce(&mut Worker)) {
        if let Some(worker) = self.workers.get_mut(usize::from(worker)) {
            act(worker);
        }
    }

    /// Everything works again, but for what is broken for good.
    fn heal(&mut self) -> Fallible<()> {
        let world = Arc::clone(&self.site.world);
        world.heal();
        for worker in &mut self.workers {
            worker.start(&self.site)?;
            worker.pause(&world, false);
        }
        if let Some(Forever::Worker(worker)) = world.setup.forever {
            self.with(worker, |worker| worker.pause(&world, true));
        }
        world.journal.write("nemesis", Seen::Fault(Broken::Healed));
        Ok(())
    }

    /// Waits until all is done, or for too long; says when it was done.
    async fn drain(&mut self, healed: Duration) -> Fallible<Duration> {
        let clock = self.site.world.clock.clone();
        let mut done = clock.monotonic();
        let mut quiet = 0;
        // Twice in a row, so that the bus had its turn.
        while quiet < 2 && clock.monotonic() < healed + DEADLINE {
            clock.sleep(Duration::from_secs(2)).await;
            operator::unblock(&self.outside).await;
            operator::resume_all(&self.outside).await;
            if self.publishers_are_done() && self.open().await? == 0 {
                quiet += 1;
            } else {
                quiet = 0;
                done = clock.monotonic();
            }
        }
        Ok(done)
    }

    /// Those in a process that stands still never are.
    fn publishers_are_done(&mut self) -> bool {
        while self.outside_tasks.try_join_next().is_some() {}
        self.outside_tasks.is_empty()
            && self
                .workers
                .iter_mut()
                .all(|worker| worker.is_paused() || worker.is_idle())
    }

    /// How many deliveries have not ended.
    async fn open(&self) -> Fallible<u64> {
        let tally = self.site.store.tally(&DeliveryFilter::new()).await?;
        Ok(tally
            .iter()
            .filter(|line| !matches!(line.state, State::Ended(_)))
            .map(|line| line.count)
            .sum())
    }

    /// Kills those that stand still; says whether there was one.
    fn bury(&mut self) -> bool {
        let world = Arc::clone(&self.site.world);
        let mut found = false;
        for worker in self.workers.iter_mut().filter(|worker| worker.is_paused()) {
            worker.crash(&world);
            found = true;
        }
        found
    }

    async fn leave(&mut self) {
        let world = Arc::clone(&self.site.world);
        for worker in &mut self.workers {
            if worker.is_paused() || !worker.is_idle() {
                worker.crash(&world);
            }
            worker.finish().await;
        }
    }
}

/// The process that a publisher lives in: the worker's if it is up.
fn desk<'a>(
    workers: &'a mut [Worker],
    worker: u8,
    outside: &Signalbus,
    outside_tasks: &'a mut JoinSet<()>,
) -> (Signalbus, &'a mut JoinSet<()>) {
    let worker = workers
        .get_mut(usize::from(worker))
        .and_then(|worker| Some((worker.engine()?.clone(), &mut worker.tasks)));
    worker.unwrap_or_else(|| (outside.clone(), outside_tasks))
}

fn other(world: &World, what: String) {
    world
        .journal
        .write("nemesis", Seen::Fault(Broken::Other { what }));
}
