//! Envelopes on their way.

use std::collections::BTreeMap;

use super::{Harness, in_time, text};

/// An envelope arrives as it was published.
pub async fn an_envelope_arrives_whole(h: Harness) {
    let mut sent = h.envelope("ada", "{\"topic\":\"user.signup\"}");
    sent.key = vec![0, 255, b'k'];
    let headers = [
        ("traceparent", &b"00-4bf9"[..]),
        ("empty", b""),
        ("text", "ünï".as_bytes()),
        ("bytes", &[0xff, 0, b'h']),
    ];
    sent.headers = headers.into_iter().collect();
    let mut reader = h.subscribe().await;
    h.bus.publish(vec![sent.clone()]).await.unwrap();
    let read = reader.read(1).await;
    assert!(read[0].envelope == sent);
    assert_eq!(read[0].envelope.headers, sent.headers);
    assert_eq!(read[0].repeats, 0);
}

/// Envelopes with one key stay in order, over batches too.
pub async fn a_key_stays_in_order(h: Harness) {
    let mut reader = h.subscribe().await;
    for batch in 0..10 {
        let mut envelopes = Vec::new();
        for number in 0..3 {
            for key in ["ada", "bob", "cid"] {
                envelopes.push(h.envelope(key, &format!("{key} {batch} {number}")));
            }
        }
        h.bus.publish(envelopes).await.unwrap();
    }
    let mut by_key: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for delivered in reader.read(90).await {
        let texts = by_key.entry(delivered.envelope.key.clone()).or_default();
        texts.push(text(&delivered));
    }
    for texts in by_key.values() {
        assert_eq!(texts.len(), 30);
        assert!(texts.is_sorted(), "{texts:?}");
    }
}

/// Not more come at once than were asked for.
pub async fn a_limit_is_kept(h: Harness) {
    let mut reader = h.subscribe().await;
    h.publish("ada", &["1", "2", "3", "4", "5"]).await;
    let mut seen = 0;
    while seen < 5 {
        let batch = reader.next(2).await;
        assert!((1..=2).contains(&batch.len()));
        seen += batch.len();
    }
}

/// Who waits hears of what is published later.
pub async fn waiting_ends_with_news(h: Harness) {
    let mut reader = h.subscribe().await;
    let (texts, ()) = tokio::join!(reader.texts(1), async {
        tokio::task::yield_now().await;
        h.publish("ada", &["news"]).await;
    });
    assert_eq!(texts, ["news"]);
}

/// Giving up waiting loses nothing.
pub async fn giving_up_loses_nothing(h: Harness) {
    let mut reader = h.subscribe().await;
    let mut seen = Vec::new();
    for number in 10..30 {
        seen.extend(reader.glance().into_iter().flatten());
        h.publish("ada", &[&number.to_string()]).await;
        seen.extend(reader.glance().into_iter().flatten());
    }
    let mut texts: Vec<String> = seen.iter().map(text).collect();
    while !texts.contains(&"29".to_owned()) {
        texts.extend(reader.next(100).await.iter().map(text));
    }
    texts.dedup();
    let expected: Vec<String> = (10..30).map(|number| number.to_string()).collect();
    assert_eq!(texts, expected);
}

/// Only the topic that was subscribed to is read.
pub async fn topics_are_read_apart(h: Harness) {
    let mut one = h.subscribe().await;
    let mut other = h.subscribe_to(&h.other_topic, &h.group).await;
    let mut elsewhere = h.envelope("ada", "elsewhere");
    elsewhere.topic.clone_from(&h.other_topic);
    h.bus.publish(vec![elsewhere]).await.unwrap();
    h.publish("ada", &["here"]).await;
    assert_eq!(one.texts(1).await, ["here"]);
    assert_eq!(other.texts(1).await, ["elsewhere"]);
}

/// Nothing is published without complaint.
pub async fn an_empty_batch_is_fine(h: Harness) {
    in_time(h.bus.publish(Vec::new())).await.unwrap();
}
