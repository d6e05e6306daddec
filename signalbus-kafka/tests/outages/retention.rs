use signalbus_core::bus::{Bus, Start, TroubleKind};
use signalbus_servers::Kafka;

use crate::support::{all, bus, envelope, fresh, from, next, read};

/// Deletes what stands before an offset in the first partition, as retention does.
fn forget_before(broker: &Kafka, topic: &str, offset: u64) {
    let file = std::env::temp_dir().join(format!("{topic}.json"));
    let wish = format!(
        "{{\"version\":1,\"partitions\":[{{\"topic\":\"{topic}\",\"partition\":0,\"offset\":{offset}}}]}}"
    );
    std::fs::write(&file, wish).expect("a file");
    let path = file.to_str().expect("a path").to_owned();
    let addresses = broker.addresses();
    let words = [
        "--bootstrap-server",
        &addresses,
        "--offset-json-file",
        &path,
    ];
    Kafka::tool("org.apache.kafka.tools.DeleteRecordsCommand", &words).expect("deleted");
    std::fs::remove_file(file).expect("a file");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_deleted_is_told_with_what_is_left() {
    let broker = Kafka::start(1).expect("a broker");
    let bus = bus(&broker.addresses(), 1);
    let topic = fresh("retention");
    let batch = (0..10).map(|number| envelope(&topic, "key", &number.to_string()));
    bus.publish(batch.collect()).await.expect("published");
    forget_before(&broker, &topic, 6);
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(vec![from(0, Start::Offset(2))])
        .await
        .expect("assigned");
    let batch = next(&mut *subscription, 10).await;
    assert!(batch.delivered.is_empty());
    assert_eq!(batch.troubles.len(), 1);
    let trouble = &batch.troubles[0];
    assert_eq!((trouble.partition, trouble.at), (0, 2));
    assert_eq!(
        trouble.kind,
        TroubleKind::Gone {
            earliest: 6,
            latest: 10
        }
    );
    subscription.assign(Vec::new()).await.expect("assigned");
    let started = subscription
        .assign(all(1, Start::Earliest))
        .await
        .expect("assigned");
    assert_eq!(started[0].next, 6);
    assert_eq!(read(&mut *subscription, 4).await.len(), 4);
}
