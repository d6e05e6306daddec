use signalbus_core::{
    directory::{Done, Owner},
    store::{Pause, Paused, Store},
};

use super::{Host, Tenancy};
use crate::api::{
    problem::Answer,
    words::{HostPauseIn, HostPauseKey, PauseBegun, PauseEnded, PauseIn, PauseKey, PauseList},
};

/// How many held deliveries one transaction puts back.
const AT_ONCE: u32 = 1_000;

impl Tenancy {
    /// Holds messages of this tenant back.
    pub(crate) async fn pause(&self, asked: PauseIn) -> Answer<PauseBegun> {
        let (what, reason) = asked.of(self.tenant.clone())?;
        let told = what.to_string();
        let pause = Pause::new(what, self.actor.clone(), reason);
        let new = self.state.engine().store().pause(pause).await?;
        if new {
            self.done("pause.begun", told).await?;
        }
        Ok(PauseBegun { new })
    }

    /// Ends a pause of this tenant.
    pub(crate) async fn resume(&self, asked: PauseKey) -> Answer<PauseEnded> {
        let what = asked.of(self.tenant.clone())?;
        let ended = end(self.state.engine().store(), &what).await?;
        if ended.ended {
            self.done("pause.ended", what.to_string()).await?;
        }
        Ok(ended)
    }

    /// What holds messages of this tenant back.
    pub(crate) async fn pauses(&self) -> Answer<PauseList> {
        let pauses = self.state.engine().store().pauses().await?;
        Ok(PauseList::of(pauses, &self.tenant))
    }
}

impl Host {
    /// Holds messages of one or all tenants back, or leaves a provider alone.
    pub(crate) async fn pause(&self, asked: HostPauseIn) -> Answer<PauseBegun> {
        let (what, reason) = asked.what()?;
        let told = what.to_string();
        let pause = Pause::new(what, self.actor.clone(), reason);
        let new = self.state.engine().store().pause(pause).await?;
        if new {
            self.did("pause.begun", told).await?;
        }
        Ok(PauseBegun { new })
    }

    /// Ends a pause.
    pub(crate) async fn resume(&self, asked: HostPauseKey) -> Answer<PauseEnded> {
        let what = asked.what()?;
        let ended = end(self.state.engine().store(), &what).await?;
        if ended.ended {
            self.did("pause.ended", what.to_string()).await?;
        }
        Ok(ended)
    }

    /// All pauses.
    pub(crate) async fn pauses(&self) -> Answer<PauseList> {
        let pauses = self.state.engine().store().pauses().await?;
        Ok(PauseList::all(pauses))
    }

    async fn did(&self, action: &str, target: String) -> Answer<()> {
        let done = Done {
            owner: Owner::Host,
            action: action.to_owned(),
            target,
        };
        self.state.directory().record(&self.actor, done).await?;
        Ok(())
    }
}

/// Engines find what was put back when they next look.
async fn end(store: &dyn Store, what: &Paused) -> Answer<PauseEnded> {
    let ended = store.resume(what).await?;
    let mut count = 0;
    loop {
        let batch = store.release(AT_ONCE).await?;
        count += batch.released;
        if !batch.more {
            let released = count;
            return Ok(PauseEnded { ended, released });
        }
    }
}
