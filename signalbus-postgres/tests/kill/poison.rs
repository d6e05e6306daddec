//! A message that kills whoever sends it ends, and takes no other message with it.

use crate::{
    orders::{Job, POISON, Point},
    parent::{Ending, Scene, each},
};

const COUNT: usize = 21;

#[tokio::test]
async fn poison_is_dead_after_three_crashes_alone() {
    let mut scene = Scene::new();
    scene.slots = 1;
    scene.finishes(Job::Publish(COUNT)).await;
    assert_eq!(scene.deaths(Job::Send, Point::OnPoison).await, 3);

    let mut requests = each(0..COUNT, 0, 1);
    requests.insert((POISON, 0), 3);
    assert_eq!(scene.requests(), requests);
    let endings = scene.endings().await;
    let dead = Ending::new(
        "dead (poison)",
        [
            "0.1 interrupted -> retry",
            "0.2 interrupted -> retry",
            "0.3 interrupted -> dead",
        ],
    );
    let sent = Ending::new("accepted (sent)", ["0.1 accepted -> accepted"]);
    assert_eq!(endings[POISON], dead);
    assert!(endings[POISON + 1..].iter().all(|ending| *ending == sent));
}

/// Two crashes are held against all that were in flight; those after them only against the one that was alone.
#[tokio::test]
async fn poison_in_a_crowd_is_found_and_spares_the_others() {
    let scene = Scene::new();
    scene.finishes(Job::Publish(COUNT)).await;
    assert_eq!(scene.deaths(Job::Send, Point::OnPoison).await, 4);

    let endings = scene.endings().await;
    assert_eq!(endings[POISON].state, "dead (poison)");
    assert_eq!(endings[POISON].history.len(), 4);
    let requests = scene.requests();
    assert_eq!(requests[&(POISON, 0)], 4);
    for (nth, ending) in endings.iter().enumerate().filter(|(nth, _)| *nth != POISON) {
        assert_eq!(ending.state, "accepted (sent)");
        let (last, lost) = ending.history.split_last().unwrap();
        assert!(last.ends_with("accepted -> accepted"), "{ending:?}");
        assert!(
            lost.len() <= 2
                && lost
                    .iter()
                    .all(|line| line.ends_with("interrupted -> retry")),
            "{ending:?}"
        );
        // No more than one request for each crash that it was in, and the last.
        assert!(requests[&(nth, 0)] <= lost.len() + 1, "{nth}: {requests:?}");
    }
}
