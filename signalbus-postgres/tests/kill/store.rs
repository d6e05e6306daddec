//! The Postgres store, which kills its process right after a commit.

use async_trait::async_trait;
use signalbus::{
    Store,
    store::{
        Acceptance, BusAdvance, Flush, Flushed, LaneLease, NewEvent, Redrive, Redriven, StoreError,
    },
};
use signalbus_postgres::PostgresStore;
use signalbus_testkit::StoreLayer;

use crate::orders::Point;

#[derive(Debug)]
pub(crate) struct KillingStore {
    pub(crate) inner: PostgresStore,
    pub(crate) die: Option<Point>,
}

#[async_trait]
impl StoreLayer for KillingStore {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let answer = self.inner.accept(events, advance).await?;
        Point::AfterAccept.reached(self.die);
        Ok(answer)
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        let (claims, settles) = (!flush.claims.is_empty(), !flush.settles.is_empty());
        let answer = self.inner.flush(lanes, flush).await?;
        if claims {
            Point::AfterClaim.reached(self.die);
        }
        if settles {
            Point::AfterSettle.reached(self.die);
            Point::InShutdown.reached(self.die);
        }
        Ok(answer)
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        let answer = self.inner.redrive(redrive).await?;
        Point::AfterRedrive.reached(self.die);
        Ok(answer)
    }
}
