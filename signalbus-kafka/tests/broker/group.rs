use signalbus_core::bus::{Bus, Place, Start};
use signalbus_servers::Kafka;

use crate::support::{all, bus, envelope, eventually, fresh, offset, read, shared};

/// What Kafka's own tool says of a group: partition, current offset, end and lag.
fn describe(group: &str) -> Vec<[String; 4]> {
    let addresses = shared();
    let words = [
        "--bootstrap-server",
        &addresses,
        "--describe",
        "--group",
        group,
    ];
    let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    let table = Kafka::tool(class, &words).unwrap_or_default();
    let rows = table.lines().filter(|line| line.starts_with(group));
    rows.map(|row| {
        let words: Vec<String> = row.split_whitespace().map(str::to_owned).collect();
        [2, 3, 4, 5].map(|place| words.get(place).cloned().unwrap_or_default())
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_can_be_seen_with_the_tools_of_kafka() {
    let bus = bus(&shared(), 1);
    let (topic, group) = (fresh("seen"), fresh("group"));
    let batch = (0..10).map(|_| envelope(&topic, "key", "x"));
    bus.publish(batch.collect()).await.expect("published");
    let mut subscription = bus.subscribe(&topic, &group).await.expect("subscribed");
    subscription
        .assign(all(1, Start::Earliest))
        .await
        .expect("assigned");
    let read = read(&mut *subscription, 10).await;
    let row = |at: &str, lag: &str| vec![["0", at, "10", lag].map(str::to_owned)];
    eventually("the start is told", async || {
        describe(&group) == row("0", "10")
    })
    .await;
    let place = Place::Offset(offset(&read[6]));
    subscription.ack(vec![place]).await.expect("acknowledged");
    eventually("what is stored is told", async || {
        describe(&group) == row("7", "3")
    })
    .await;
    // What was stored last is told though nobody waits for it.
    let place = Place::Offset(offset(&read[9]));
    subscription.ack(vec![place]).await.expect("acknowledged");
    drop(subscription);
    eventually("the last is told", async || {
        describe(&group) == row("10", "0")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lag_is_what_is_not_stored_whether_it_is_read_or_not() {
    let bus = bus(&shared(), 3);
    let topic = fresh("lag");
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(all(3, Start::Earliest))
        .await
        .expect("assigned");
    let batch = (0..60).map(|number| envelope(&topic, &number.to_string(), "x"));
    bus.publish(batch.collect()).await.expect("published");
    let behind = |lag: Vec<signalbus_core::bus::Lag>| lag.iter().map(|one| one.behind).sum::<u64>();
    assert_eq!(behind(subscription.lag().await.expect("lag")), 60);
    let read = read(&mut *subscription, 60).await;
    let lag = subscription.lag().await.expect("lag");
    assert_eq!(
        lag.iter().map(|one| one.partition).collect::<Vec<_>>(),
        [Some(0), Some(1), Some(2)]
    );
    assert_eq!(behind(lag), 60);
    for one in &read {
        subscription
            .ack(vec![Place::Offset(offset(one))])
            .await
            .expect("acknowledged");
    }
    assert_eq!(behind(subscription.lag().await.expect("lag")), 0);
}
