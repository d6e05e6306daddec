//! Killed while shutting down: what was in flight was possibly sent, the rest was never touched.

use crate::{
    orders::{Job, Point},
    parent::{Ending, Scene},
};

#[tokio::test]
async fn in_a_shutdown_only_what_was_in_flight_is_sent_again() {
    let mut scene = Scene::new();
    scene.slots = 4;
    scene.finishes(Job::Publish(20)).await;
    scene.dies(Job::ShutDown, Point::InShutdown).await;
    scene.finishes(Job::Send).await;

    let requests = scene.requests();
    let twice = requests.values().filter(|count| **count == 2).count();
    let once = requests.values().filter(|count| **count == 1).count();
    assert_eq!((twice, once, requests.len()), (3, 17, 20), "{requests:?}");

    let sent = Ending::new("accepted (sent)", ["0.1 accepted -> accepted"]);
    let again = Ending::new(
        "accepted (sent)",
        ["0.1 interrupted -> retry", "0.2 accepted -> accepted"],
    );
    for (number, ending) in scene.endings().await.iter().enumerate() {
        let expected = if requests[&(number, 0)] == 2 {
            &again
        } else {
            &sent
        };
        assert_eq!(ending, expected, "message {number}");
    }
}
