use signalbus_core::bus::{Bus, Place, Start};

use crate::support::{all, bus, envelope, fresh, java, offset, read, shared, text};

fn numbered(word: &str, count: usize) -> impl Iterator<Item = String> {
    let word = word.to_owned();
    (0..count).map(move |number| format!("{word}-{number}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_committed_comes_of_a_topic_with_transactions() {
    let addresses = shared();
    let bus = bus(&addresses, 1);
    let topic = fresh("transactions");
    bus.publish(vec![envelope(&topic, "key", "plain-0")])
        .await
        .expect("published");
    // More than one fetch of 1 KiB each, so that markers are not in the answer with their records.
    let words = [
        "abort-a:300",
        "commit-b:300",
        "abort-c:1",
        "commit-d:2",
        "abort-e:300",
    ];
    let mut arguments = vec![addresses.as_str(), topic.as_str()];
    arguments.extend(words);
    java("Transactions.java", &arguments);
    bus.publish(vec![envelope(&topic, "key", "plain-1")])
        .await
        .expect("published");

    let expected: Vec<String> = numbered("plain", 1)
        .chain(numbered("commit-b", 300))
        .chain(numbered("commit-d", 2))
        .chain(["plain-1".to_owned()])
        .collect();
    for fetch_bytes in [1024, 16 * 1024, 1 << 20] {
        let config = crate::support::config(&addresses).with_fetch_bytes(fetch_bytes);
        let bus = signalbus_kafka::KafkaBus::new(config).expect("a bus");
        let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
        subscription
            .assign(all(1, Start::Earliest))
            .await
            .expect("assigned");
        let read = read(&mut *subscription, expected.len()).await;
        assert_eq!(
            read.iter().map(text).collect::<Vec<_>>(),
            expected,
            "{fetch_bytes}"
        );
        let last = offset(read.last().expect("a last one"));
        subscription
            .ack(vec![Place::Offset(last)])
            .await
            .expect("acknowledged");
        let lag = subscription.lag().await.expect("lag");
        assert_eq!(lag[0].behind, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_is_not_read_and_markers_at_the_end_are_no_lag() {
    let addresses = shared();
    let bus = bus(&addresses, 1);
    let topic = fresh("open");
    bus.publish(vec![envelope(&topic, "key", "plain-0")])
        .await
        .expect("published");
    java(
        "Transactions.java",
        &[&addresses, &topic, "commit-a:3", "abort-b:4"],
    );
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(all(1, Start::Earliest))
        .await
        .expect("assigned");
    let first = read(&mut *subscription, 4).await;
    let last = offset(first.last().expect("a last one"));
    subscription
        .ack(vec![Place::Offset(last)])
        .await
        .expect("acknowledged");
    // One plain, three and a marker, four and a marker: the marker behind is for nobody.
    crate::support::eventually("no lag", async || {
        // Reading goes on past what is for nobody.
        let past = std::time::Duration::from_millis(50);
        let _ = tokio::time::timeout(past, subscription.next(10)).await;
        subscription.lag().await.expect("lag")[0].behind == 0
    })
    .await;
    java("Transactions.java", &[&addresses, &topic, "open:5"]);
    bus.publish(vec![envelope(&topic, "key", "plain-1")])
        .await
        .expect("published");
    // Behind an open transaction nothing can be read, and nothing counts as waiting.
    assert_eq!(subscription.lag().await.expect("lag")[0].behind, 0);
}
