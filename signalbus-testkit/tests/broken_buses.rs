//! The bus suite can fail: each of these buses breaks one promise, and the case that guards it
//! says so, while the same case passes on the honest bus.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use async_trait::async_trait;
use signalbus::{
    Bus,
    bus::{BusError, Delivered, Envelope, MemoryBus, Offset, Subscription},
};
use signalbus_testkit::bus_suite::{Harness, envelopes, groups, positions};

macro_rules! caught {
    ($($test:ident: $fault:ident breaks $area:ident::$case:ident;)*) => {
        $(
            #[test]
            fn $test() {
                with_fault(None, $area::$case);
                let broken = || with_fault(Some(Fault::$fault), $area::$case);
                let outcome = catch_unwind(AssertUnwindSafe(broken));
                assert!(outcome.is_err(), "the case passed on a broken bus");
            }
        )*
    };
}

caught! {
    headers_are_lost: LosesHeaders breaks envelopes::an_envelope_arrives_whole;
    order_is_lost: ReversesBatches breaks envelopes::a_key_stays_in_order;
    limits_are_not_kept: IgnoresLimits breaks envelopes::a_limit_is_kept;
    giving_up_loses: LosesWhenDropped breaks envelopes::giving_up_loses_nothing;
    reading_acknowledges: AcksWhenReading breaks groups::a_member_that_leaves_is_replaced;
    acknowledgements_are_lost: ForgetsAcks breaks positions::the_acknowledged_does_not_come_again;
    places_are_not_sought: IgnoresSeeks breaks positions::a_reader_may_skip_what_is_stored;
}

fn with_fault(fault: Option<Fault>, case: impl AsyncFnOnce(Harness)) {
    let open = async |_: &[String]| Broken {
        honest: MemoryBus::new(),
        fault,
    };
    // A case that waits in vain gives up at once: nothing here is in another process.
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(async { case(Harness::new(open).await).await });
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    LosesHeaders,
    ReversesBatches,
    IgnoresLimits,
    LosesWhenDropped,
    AcksWhenReading,
    ForgetsAcks,
    IgnoresSeeks,
}

/// An honest bus behind somebody who makes one mistake.
#[derive(Debug)]
struct Broken<T> {
    honest: T,
    fault: Option<Fault>,
}

impl<T> Broken<T> {
    fn does(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

#[async_trait]
impl Bus for Broken<MemoryBus> {
    fn name(&self) -> &str {
        self.honest.name()
    }

    async fn publish(&self, mut batch: Vec<Envelope>) -> Result<(), BusError> {
        if self.does(Fault::LosesHeaders) {
            batch
                .iter_mut()
                .for_each(|envelope| envelope.headers.clear());
        }
        if self.does(Fault::ReversesBatches) {
            batch.reverse();
        }
        self.honest.publish(batch).await
    }

    async fn subscribe(
        &self,
        topics: &[String],
        group: &str,
    ) -> Result<Box<dyn Subscription>, BusError> {
        Ok(Box::new(Broken {
            honest: self.honest.subscribe(topics, group).await?,
            fault: self.fault,
        }))
    }
}

#[async_trait]
impl Subscription for Broken<Box<dyn Subscription>> {
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>, BusError> {
        let limit = if self.does(Fault::IgnoresLimits) {
            100
        } else {
            limit
        };
        let batch = self.honest.next(limit).await?;
        if self.does(Fault::LosesWhenDropped) {
            tokio::task::yield_now().await;
        }
        if self.does(Fault::AcksWhenReading) {
            let positions = batch.iter().map(|delivered| delivered.next.clone());
            self.honest.ack(positions.collect()).await?;
        }
        Ok(batch)
    }

    async fn ack(&mut self, positions: Vec<Offset>) -> Result<(), BusError> {
        if self.does(Fault::ForgetsAcks) {
            return Ok(());
        }
        self.honest.ack(positions).await
    }

    async fn seek(&mut self, position: Offset) -> Result<(), BusError> {
        if self.does(Fault::IgnoresSeeks) {
            return Ok(());
        }
        self.honest.seek(position).await
    }
}
