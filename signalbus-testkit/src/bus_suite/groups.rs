//! Groups of consumers.

use super::{Harness, in_time, text};

/// Each group gets everything.
pub async fn each_group_gets_all(h: Harness) {
    let mut one = h.subscribe_as(&format!("{}-1", h.group)).await;
    let mut two = h.subscribe_as(&format!("{}-2", h.group)).await;
    h.publish("ada", &["1", "2", "3"]).await;
    assert_eq!(one.texts(3).await, ["1", "2", "3"]);
    assert_eq!(two.texts(3).await, ["1", "2", "3"]);
}

/// The members of a group together get everything.
pub async fn members_share_the_work(h: Harness) {
    let mut one = h.subscribe().await;
    let mut two = h.subscribe().await;
    for number in 0..40 {
        h.publish(&format!("key {number}"), &[&number.to_string()])
            .await;
    }
    let mut texts = std::collections::BTreeSet::new();
    in_time(async {
        while texts.len() < 40 {
            // Cancel safe: whoever is not first is asked again.
            let batch = tokio::select! {
                batch = one.next(10) => batch,
                batch = two.next(10) => batch,
            };
            texts.extend(batch.iter().map(text));
        }
    })
    .await;
}

/// When a member leaves, another gets what was not acknowledged, and all that follows.
pub async fn a_member_that_leaves_is_replaced(h: Harness) {
    let mut leaving = h.subscribe().await;
    h.publish("ada", &["1", "2"]).await;
    let read = leaving.read(2).await;
    leaving.ack(&read[0]).await;
    drop(leaving);
    let mut staying = h.subscribe().await;
    h.publish("ada", &["3"]).await;
    assert_eq!(staying.texts(2).await, ["2", "3"]);
}
