//! The memory bus behind a way that fails. It asks instead of waiting, so that the order in which
//! members wake is the order of their timers.

use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use signalbus::{
    Bus, Clock as _,
    bus::{BusError, BusErrorKind, Delivered, Envelope, MemoryBus, Offset, Subscription},
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

    async fn subscribe(
        &self,
        topics: &[String],
        group: &str,
    ) -> Result<Box<dyn Subscription>, BusError> {
        self.gate.pass().await;
        Ok(Box::new(SimSubscription {
            inner: self.inner.subscribe(topics, group).await?,
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
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>, BusError> {
        loop {
            self.bus.gate.pass().await;
            if let Some(batch) = self.inner.next(limit).now_or_never() {
                return batch;
            }
            self.bus.world.clock.sleep(POLL).await;
        }
    }

    async fn ack(&mut self, positions: Vec<Offset>) -> Result<(), BusError> {
        let how = self.bus.there().await?;
        self.inner.ack(positions).await?;
        self.bus.back(how).await
    }

    async fn seek(&mut self, position: Offset) -> Result<(), BusError> {
        self.inner.seek(position).await
    }
}
