//! The bus suite can fail: each of these buses breaks one promise, and the case that guards it
//! says so, while the same case passes on the honest bus.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use async_trait::async_trait;
use signalbus::{
    Bus,
    bus::{
        Batch, BusError, BusKind, Envelope, Headers, Lag, MemoryBus, Offset, Partition, Place,
        Start, Subscription,
    },
};
use signalbus_testkit::bus_suite::{Harness, envelopes, groups, positions, sharing};

macro_rules! caught {
    ($($test:ident: $fault:ident breaks $area:ident::$case:ident;)*) => {
        $(
            #[test]
            fn $test() {
                let fault = Fault::$fault;
                run(None, fault.is_of_the_acknowledged(), $area::$case);
                let broken = || run(Some(fault), fault.is_of_the_acknowledged(), $area::$case);
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
    reading_acknowledges: AcksWhenReading breaks sharing::a_member_that_leaves_is_replaced;
    acknowledgements_are_lost: ForgetsAcks breaks sharing::the_acknowledged_does_not_come_again;
    lag_is_not_told: HidesLag breaks groups::lag_is_what_waits;
    starts_are_ignored: IgnoresStarts breaks positions::a_partition_changes_hands;
    assignments_are_ignored: ReadsAll
        breaks positions::partitions_are_read_by_whom_they_are_assigned_to;
    what_is_gone_is_hidden: HidesTroubles breaks positions::a_place_that_is_gone_is_told;
}

fn run(fault: Option<Fault>, acknowledged: bool, case: impl AsyncFnOnce(Harness)) {
    let open = async |_: &[String]| Broken {
        honest: if acknowledged {
            MemoryBus::new().acknowledged()
        } else {
            MemoryBus::new()
        },
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
    HidesLag,
    IgnoresStarts,
    ReadsAll,
    HidesTroubles,
}

impl Fault {
    /// Whether a bus of the acknowledged kind has it.
    fn is_of_the_acknowledged(self) -> bool {
        matches!(self, Self::AcksWhenReading | Self::ForgetsAcks)
    }
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
                .for_each(|envelope| envelope.headers = Headers::new());
        }
        if self.does(Fault::ReversesBatches) {
            batch.reverse();
        }
        self.honest.publish(batch).await
    }

    fn kind(&self) -> BusKind {
        self.honest.kind()
    }

    async fn partitions(&self, topic: &str) -> Result<u32, BusError> {
        self.honest.partitions(topic).await
    }

    async fn subscribe(&self, topic: &str, group: &str) -> Result<Box<dyn Subscription>, BusError> {
        Ok(Box::new(Broken {
            honest: self.honest.subscribe(topic, group).await?,
            fault: self.fault,
        }))
    }
}

#[async_trait]
impl Subscription for Broken<Box<dyn Subscription>> {
    async fn assign(&mut self, mut partitions: Vec<Partition>) -> Result<Vec<Offset>, BusError> {
        if self.does(Fault::IgnoresStarts) {
            for partition in &mut partitions {
                partition.start = Start::Earliest;
            }
        }
        if self.does(Fault::ReadsAll) {
            let start = Start::Earliest;
            let all = 0..MemoryBus::PARTITIONS;
            partitions = all
                .map(|partition| Partition { partition, start })
                .collect();
        }
        self.honest.assign(partitions).await
    }

    async fn next(&mut self, limit: usize) -> Result<Batch, BusError> {
        let limit = if self.does(Fault::IgnoresLimits) {
            100
        } else {
            limit
        };
        let mut batch = self.honest.next(limit).await?;
        if self.does(Fault::LosesWhenDropped) {
            tokio::task::yield_now().await;
        }
        if self.does(Fault::AcksWhenReading) {
            let places = batch.delivered.iter().map(|one| one.place.clone());
            self.honest.ack(places.collect()).await?;
        }
        if self.does(Fault::HidesTroubles) {
            batch.troubles.clear();
        }
        Ok(batch)
    }

    async fn ack(&mut self, places: Vec<Place>) -> Result<(), BusError> {
        if self.does(Fault::ForgetsAcks) {
            return Ok(());
        }
        self.honest.ack(places).await
    }

    async fn lag(&mut self) -> Result<Vec<Lag>, BusError> {
        if self.does(Fault::HidesLag) {
            return Ok(Vec::new());
        }
        self.honest.lag().await
    }
}
