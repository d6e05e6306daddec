//! Groups of consumers.

use super::Harness;

/// Each group gets everything.
pub async fn each_group_gets_all(h: Harness) {
    let mut one = h.subscribe_as(&format!("{}-1", h.group)).await;
    let mut two = h.subscribe_as(&format!("{}-2", h.group)).await;
    h.publish("ada", &["1", "2", "3"]).await;
    assert_eq!(one.texts(3).await, ["1", "2", "3"]);
    assert_eq!(two.texts(3).await, ["1", "2", "3"]);
}

/// What was not acknowledged comes again to another member.
pub async fn the_unacknowledged_comes_again(h: Harness) {
    let mut reader = h.subscribe().await;
    h.publish("ada", &["1", "2", "3"]).await;
    assert_eq!(reader.texts(3).await, ["1", "2", "3"]);
    drop(reader);
    let mut again = h.subscribe().await;
    assert_eq!(again.texts(3).await, ["1", "2", "3"]);
}

/// The bus says how much waits.
pub async fn lag_is_what_waits(h: Harness) {
    let mut reader = h.subscribe().await;
    assert_eq!(reader.lag().await, 0);
    h.publish("ada", &["1", "2", "3"]).await;
    assert_eq!(reader.lag().await, 3);
    let read = reader.read(3).await;
    reader.ack(&read[..2]).await;
    assert_eq!(reader.lag().await, 1);
    reader.ack(&read[2..]).await;
    assert_eq!(reader.lag().await, 0);
}
