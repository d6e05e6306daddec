//! A server that stops in the middle of it all, and comes back (promises P1 to P3).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use signalbus::{
    EngineOptions,
    store::{DeliveryFilter, EndState, State, Store},
};
use signalbus_postgres::PostgresStore;
use signalbus_servers::{Durability, Postgres, Stop};

use crate::engine::{Counter, engine, message};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_under_load_loses_nothing() {
    let mut server = Postgres::start(Durability::NoFsync, &[]).unwrap();
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let counter = Counter::default();
    let options = EngineOptions::default().with_lease(Duration::from_secs(3));
    let signalbus = engine(store.clone(), &counter, options);
    signalbus.start();
    let (stop, told) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let publisher = tokio::spawn({
        let (signalbus, stop, told) = (signalbus.clone(), Arc::clone(&stop), Arc::clone(&told));
        async move {
            let (mut accepted, mut failed) = (Vec::new(), 0);
            let mut number = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                let to = number.to_string();
                // The same key until it is known to be there.
                match signalbus.publish(message(&to)).await {
                    Ok(_) => {
                        accepted.push(to);
                        number += 1;
                        told.fetch_add(1, Ordering::SeqCst);
                    }
                    Err(_) => {
                        failed += 1;
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                }
            }
            (accepted, failed)
        }
    });
    for crash in 1..=3 {
        while told.load(Ordering::SeqCst) < crash * 150 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        server.stop(Stop::Immediate).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.resume().unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    let (accepted, failed) = publisher.await.unwrap();
    assert!(failed > 0, "the crashes were felt");
    counter
        .reaches(accepted.len(), Duration::from_secs(60))
        .await;
    signalbus.idle().await;
    let requests = counter.requests();
    for to in &accepted {
        assert!(requests.contains_key(to), "{to} was lost");
    }
    // The process lived on: it knows what it sent, and sends nothing again.
    assert!(requests.values().all(|count| *count == 1), "{requests:?}");
    let sent = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
    let tallies = store.tally(&sent).await.unwrap();
    let sent: u64 = tallies.iter().map(|tally| tally.count).sum();
    assert!(sent >= u64::try_from(accepted.len()).unwrap());
    signalbus.shutdown().await;
}
