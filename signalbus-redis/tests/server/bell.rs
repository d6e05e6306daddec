//! Wake-ups between processes.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use signalbus::{
    EngineOptions, Event, Idempotency, MemoryStore, Policy, Provider, Recipient, Signalbus, Store,
    async_trait,
    channel::Channel as _,
    provider::{Delivery, SendError, Sent},
};
use signalbus_redis::RedisBell;
use signalbus_servers::Redis;

use crate::{
    config,
    line::{Line, Text},
};

#[derive(Debug, Clone, Default)]
struct Counter(Arc<Mutex<Vec<Text>>>);

impl Counter {
    async fn reaches(&self, count: usize) {
        let begun = Instant::now();
        while self.0.lock().unwrap().len() < count {
            assert!(begun.elapsed() < Duration::from_secs(30), "nobody woke it");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[async_trait]
impl Provider<Line> for Counter {
    fn name(&self) -> &str {
        "counter"
    }

    async fn send(&self, delivery: Delivery<'_, Line>) -> Result<Sent, SendError> {
        self.0.lock().unwrap().push(delivery.message.clone());
        Ok(Sent::new())
    }
}

fn message(number: usize) -> Event {
    let key = Idempotency::key(number.to_string());
    Event::new("test.line", key).to(Recipient::new().on::<Line>(number.to_string()))
}

/// One engine that publishes and one that sends, on one store, as two processes are.
fn two(poll: Duration, bell: &RedisBell, counter: &Counter) -> [Signalbus; 2] {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let engine = || {
        Signalbus::builder()
            .shared_store(Arc::clone(&store))
            .policy(Policy::new().on::<Line>("test.*"))
            .options(EngineOptions::default().with_poll(poll))
    };
    let publisher = engine().known_channel(Line).tell_others(bell.ring());
    let sender = engine().channel(Line, counter.clone());
    assert_eq!(Line::NAME, "line");
    [publisher.build().unwrap(), sender.build().unwrap()]
}

const AN_HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn who_polls_once_an_hour_sends_what_another_stored() {
    let server = Redis::start().unwrap();
    let (bell, counter) = (RedisBell::open(config(&server.url())), Counter::default());
    let [publisher, sender] = two(AN_HOUR, &bell, &counter);
    let _listening = bell.listen(sender.wake()).await.unwrap();
    sender.start();
    sender.idle().await;
    for number in 1..=3 {
        publisher.publish(message(number)).await.unwrap();
        counter.reaches(number).await;
    }
    sender.shutdown().await;
}

#[tokio::test]
async fn a_server_that_dies_costs_the_poll_and_comes_back() {
    let mut server = Redis::start().unwrap();
    let (bell, counter) = (RedisBell::open(config(&server.url())), Counter::default());
    let [publisher, sender] = two(Duration::from_millis(200), &bell, &counter);
    let listening = bell.listen(sender.wake()).await.unwrap();
    sender.start();
    server.kill().unwrap();
    // Published and sent without it.
    publisher.publish(message(1)).await.unwrap();
    counter.reaches(1).await;
    drop(listening);
    sender.shutdown().await;

    // Nobody but the bell wakes this one.
    server.resume().unwrap();
    let counter = Counter::default();
    let [publisher, sender] = two(AN_HOUR, &bell, &counter);
    let _listening = bell.listen(sender.wake()).await.unwrap();
    sender.start();
    sender.idle().await;
    server.kill().unwrap();
    // Its ring is lost; it is found when the listener is back.
    publisher.publish(message(2)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.resume().unwrap();
    counter.reaches(1).await;
    publisher.publish(message(3)).await.unwrap();
    counter.reaches(2).await;
    sender.shutdown().await;
}
