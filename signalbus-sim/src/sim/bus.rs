//! The memory bus behind a way that fails. It asks instead of waiting, so that the order in which
//! members wake is the order of their timers.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use signalbus::{
    Bus, Clock as _,
    bus::{
        Batch, BusError, BusErrorKind, BusKind, Envelope, Lag, MemoryBus, Offset, Partition, Place,
        Subscription,
    },
};

use super::{
    gate::Gate,
    script::{Call, How},
    world::World,
};

/// How often a member asks for envelopes.
const POLL: std::time::Duration = std::time::Duration::from_millis(100);

#[derive(Debug, Clone)]
pub(super) struct SimBus {
    pub(super) inner: MemoryBus,
    pub(super) world: Arc<World>,
    pub(super) gate: Arc<Gate>,
    pub(super) worker: Option<u8>,
}

impl SimBus {
    async fn there(&self) -> Result<Option<How>, BusError> {
        self.gate.pass().await;
        let how = self.world.trouble(self.worker, Call::Bus);
        match how {
            Some(How::FailBefore) => return Err(unavailable()),
            Some(How::SlowBefore(wait)) => {
                self.world.clock.sleep(wait).await;
                self.gate.pass().await;
            }
            _ => {}
        }
        Ok(how)
    }

    async fn back(&self, how: Option<How>) -> Result<(), BusError> {
        match how {
            Some(How::FailAfter) => return Err(unavailable()),
            Some(How::SlowAfter(wait)) => self.world.clock.sleep(wait).await,
            _ => {}
        }
        self.gate.pass().await;
        Ok(())
    }
}

fn unavailable() -> BusError {
    BusError::new(BusErrorKind::Unavailable, "the script says so")
}

#[async_trait]
impl Bus for SimBus {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError> {
        let how = self.there().await?;
        self.inner.publish(batch).await?;
        self.back(how).await
    }

    fn kind(&self) -> BusKind {
        self.inner.kind()
    }

    async fn partitions(&self, topic: &str) -> Result<u32, BusError> {
        let how = self.there().await?;
        let count = self.inner.partitions(topic).await?;
        self.back(how).await?;
        Ok(count)
    }

    async fn subscribe(&self, topic: &str, group: &str) -> Result<Box<dyn Subscription>, BusError> {
        self.gate.pass().await;
        Ok(Box::new(SimSubscription {
            inner: self.inner.subscribe(topic, group).await?,
            bus: self.clone(),
        }))
    }
}

#[derive(Debug)]
struct SimSubscription {
    inner: Box<dyn Subscription>,
    bus: SimBus,
}

#[async_trait]
impl Subscription for SimSubscription {
    async fn assign(&mut self, partitions: Vec<Partition>) -> Result<Vec<Offset>, BusError> {
        let how = self.bus.there().await?;
        let started = self.inner.assign(partitions).await?;
        self.bus.back(how).await?;
        Ok(started)
    }

    async fn next(&mut self, limit: usize) -> Result<Batch, BusError> {
        loop {
            self.bus.gate.pass().await;
            if let Some(batch) = self.inner.next(limit).now_or_never() {
                return batch;
            }
            self.bus.world.clock.sleep(POLL).await;
        }
    }

    async fn ack(&mut self, places: Vec<Place>) -> Result<(), BusError> {
        let how = self.bus.there().await?;
        self.inner.ack(places).await?;
        self.bus.back(how).await
    }

    async fn lag(&mut self) -> Result<Vec<Lag>, BusError> {
        self.bus.gate.pass().await;
        self.inner.lag().await
    }
}
