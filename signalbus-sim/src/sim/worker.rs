use std::{error::Error, sync::Arc, time::Duration};

use signalbus::{
    BreakerSettings, ChannelSetup, EngineOptions, Entropy, Guarantee, MemoryStore, Policy,
    ProviderName, RetryPolicy, Signalbus, bus::MemoryBus, name::Topic,
};
use tokio::task::JoinSet;

use super::{
    bus::SimBus,
    channel::{Code, Ping},
    clock::WorkerClock,
    draw::hash,
    gate::{Gate, Way},
    provider::SimProvider,
    script::{Desk, Serves},
    store::SimStore,
    world::World,
};
use signalbus_testkit::Layered;

use crate::history::{Broken, Seen};

/// What the processes of a simulation share.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) world: Arc<World>,
    pub(super) store: MemoryStore,
    pub(super) bus: MemoryBus,
}

/// A process that runs an engine, and may die and come back.
#[derive(Debug)]
pub(super) struct Worker {
    nth: u8,
    lives: u64,
    name: String,
    gate: Arc<Gate>,
    engine: Option<Signalbus>,
    /// What runs in the process beside the engine.
    pub(super) tasks: JoinSet<()>,
    /// Earlier lives that leave in peace.
    leaving: JoinSet<()>,
}

/// A fault of the harness itself.
pub(super) type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

impl Worker {
    pub(super) fn new(nth: u8) -> Self {
        Self {
            nth,
            lives: 0,
            name: String::new(),
            gate: Arc::new(Gate::new()),
            engine: None,
            tasks: JoinSet::new(),
            leaving: JoinSet::new(),
        }
    }

    pub(super) fn engine(&self) -> Option<&Signalbus> {
        self.engine.as_ref()
    }

    /// Starts it, unless it runs.
    pub(super) fn start(&mut self, site: &Site) -> Fallible<()> {
        if self.engine.is_some() {
            return Ok(());
        }
        self.lives += 1;
        self.name = format!("worker-{}.{}", self.nth, self.lives);
        self.gate = Arc::new(Gate::new());
        let seed = hash(&[site.world.seed, u64::from(self.nth), self.lives]);
        let engine = engine(site, &self.name, &self.gate, Some(self.nth), seed)?;
        engine.start();
        self.engine = Some(engine);
        Ok(())
    }

    /// Kills it: nothing it does from now on is seen by anybody.
    pub(super) fn crash(&mut self, world: &World) {
        if self.engine.take().is_some() {
            self.gate.set(Way::Gone);
            self.tasks = JoinSet::new();
            self.fault(world, |worker| Broken::Crashed { worker });
        }
    }

    /// Lets it leave in peace; it may be started again meanwhile. One that stands still does not
    /// hear that it should.
    pub(super) fn leave(&mut self) {
        if self.is_paused() {
            return;
        }
        if let Some(engine) = self.engine.take() {
            self.leaving.spawn(async move { engine.shutdown().await });
        }
    }

    /// Stops it as a debugger does, or lets it go on.
    pub(super) fn pause(&mut self, world: &World, paused: bool) {
        let (from, to) = if paused {
            (Way::Open, Way::Shut)
        } else {
            (Way::Shut, Way::Open)
        };
        if self.engine.is_some() && self.gate.way() == from {
            self.fault(world, |worker| {
                if paused {
                    Broken::Paused { worker }
                } else {
                    Broken::Resumed { worker }
                }
            });
            self.gate.set(to);
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.engine.is_some() && self.gate.way() == Way::Shut
    }

    /// Whether all that runs in it beside the engine is done.
    pub(super) fn is_idle(&mut self) -> bool {
        while self.tasks.try_join_next().is_some() {}
        while self.leaving.try_join_next().is_some() {}
        self.tasks.is_empty() && self.leaving.is_empty()
    }

    /// Shuts it down and waits for all that runs in it.
    pub(super) async fn finish(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.shutdown().await;
        }
        while self.tasks.join_next().await.is_some() {}
        while self.leaving.join_next().await.is_some() {}
    }

    fn fault(&self, world: &World, fault: impl FnOnce(String) -> Broken) {
        world
            .journal
            .write("nemesis", Seen::Fault(fault(self.name.clone())));
    }
}

/// The topic of the bus.
pub(super) const TOPIC: &str = "events";

/// How deliveries are tried again.
pub(super) fn retry() -> RetryPolicy {
    let mut retry = RetryPolicy::default().with_max_attempts(4).with_waits(
        Duration::from_millis(500),
        Duration::from_secs(1),
        Duration::from_secs(6),
    );
    retry.longest_retry_after = Duration::from_secs(20);
    retry
}

pub(super) fn breaker() -> BreakerSettings {
    let mut breaker = BreakerSettings::default();
    breaker.failures = 4;
    breaker.first_pause = Duration::from_secs(1);
    breaker.longest_pause = Duration::from_secs(8);
    breaker.configuration_pause = Duration::from_secs(5);
    breaker
}

/// An engine as `actor` has it, not started.
pub(super) fn engine(
    site: &Site,
    actor: &str,
    gate: &Arc<Gate>,
    worker: Option<u8>,
    seed: u64,
) -> Fallible<Signalbus> {
    let world = &site.world;
    let setup = &world.setup;
    let mut options = EngineOptions::default()
        .with_lease(Duration::from_secs(3))
        .with_poll(Duration::from_millis(500))
        .with_drain(Duration::from_secs(6))
        .with_slots(setup.slots)
        .with_in_hand(setup.in_hand);
    options.window = setup.window;
    options.writers = setup.writers;
    let provider = |desk: Desk| -> Fallible<SimProvider> {
        Ok(SimProvider {
            desk,
            name: ProviderName::new(desk.name())?,
            worker: actor.to_owned(),
            gate: Arc::clone(gate),
            world: Arc::clone(world),
        })
    };
    let policy = Policy::new()
        .on::<Ping>("ping.*")
        .on::<Code>("code.*")
        .on::<Ping>("both.*")
        .on::<Code>("both.*");
    let bus = SimBus {
        inner: site.bus.clone(),
        world: Arc::clone(world),
        gate: Arc::clone(gate),
        worker,
    };
    let serves = worker.and_then(|nth| setup.serves.get(usize::from(nth)).copied());
    let serves = serves.unwrap_or(Serves::All);
    let ping = match serves {
        Serves::Code => ChannelSetup::known(Ping),
        Serves::All | Serves::Ping => ChannelSetup::new(Ping, provider(Desk::PingA)?)
            .failover(provider(Desk::PingB)?)
            .retry(retry())
            .breaker(breaker()),
    };
    let code = match serves {
        Serves::Ping => ChannelSetup::known(Code),
        Serves::All | Serves::Code => ChannelSetup::new(Code, provider(Desk::Code)?)
            .retry(retry())
            .breaker(breaker())
            .guarantee(Guarantee::AtMostOnce),
    };
    let signalbus = Signalbus::builder()
        .store(Layered(SimStore {
            inner: site.store.clone(),
            world: Arc::clone(world),
            gate: Arc::clone(gate),
            worker,
            actor: actor.to_owned(),
        }))
        .clock(WorkerClock {
            world: world.clock.clone(),
            gate: Arc::clone(gate),
        })
        .entropy(Entropy::from_seed(seed))
        .options(options)
        .channel_setup(ping)
        .channel_setup(code)
        .policy(policy)
        .bus(bus, &Topic::new(TOPIC)?, "engine")
        .build()?;
    Ok(signalbus)
}
