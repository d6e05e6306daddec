//! Killed while sending (promises P2 and P3).

use crate::{
    orders::{Job, Point},
    parent::{Ending, Scene, each},
};

/// Publishes one message, kills its sender at this point, and lets the next one finish.
async fn killed(scene: &Scene, point: Point) {
    scene.finishes(Job::Publish(1)).await;
    scene.dies(Job::Send, point).await;
    scene.finishes(Job::Send).await;
}

async fn sent_after_interruption(scene: &Scene) {
    let sent = Ending::new(
        "accepted (sent)",
        ["0.1 interrupted -> retry", "0.2 accepted -> accepted"],
    );
    assert_eq!(scene.endings().await, [sent]);
}

async fn stopped(scene: &Scene) {
    let stopped = Ending::new(
        "outcome_unknown (no_answer)",
        ["0.1 interrupted -> outcome_unknown"],
    );
    assert_eq!(scene.endings().await, [stopped]);
}

async fn sent(scene: &Scene) {
    let sent = Ending::new("accepted (sent)", ["0.1 accepted -> accepted"]);
    assert_eq!(scene.endings().await, [sent]);
}

#[tokio::test]
async fn after_the_claim_at_least_once_sends_once() {
    let scene = Scene::new();
    killed(&scene, Point::AfterClaim).await;
    assert_eq!(scene.requests(), each(0..1, 0, 1));
    sent_after_interruption(&scene).await;
}

#[tokio::test]
async fn after_the_claim_at_most_once_stops() {
    let scene = Scene::at_most_once();
    killed(&scene, Point::AfterClaim).await;
    assert!(scene.requests().is_empty());
    stopped(&scene).await;
}

#[tokio::test]
async fn before_the_request_at_least_once_sends_once() {
    let scene = Scene::new();
    killed(&scene, Point::BeforeRequest).await;
    assert_eq!(scene.requests(), each(0..1, 0, 1));
    sent_after_interruption(&scene).await;
}

#[tokio::test]
async fn before_the_request_at_most_once_stops() {
    let scene = Scene::at_most_once();
    killed(&scene, Point::BeforeRequest).await;
    assert!(scene.requests().is_empty());
    stopped(&scene).await;
}

#[tokio::test]
async fn after_the_request_at_least_once_sends_twice() {
    let scene = Scene::new();
    killed(&scene, Point::AfterRequest).await;
    assert_eq!(scene.requests(), each(0..1, 0, 2));
    sent_after_interruption(&scene).await;
}

#[tokio::test]
async fn after_the_request_at_most_once_stops() {
    let scene = Scene::at_most_once();
    killed(&scene, Point::AfterRequest).await;
    assert_eq!(scene.requests(), each(0..1, 0, 1));
    stopped(&scene).await;
}

#[tokio::test]
async fn after_the_result_at_least_once_is_done() {
    let scene = Scene::new();
    killed(&scene, Point::AfterSettle).await;
    assert_eq!(scene.requests(), each(0..1, 0, 1));
    sent(&scene).await;
}

#[tokio::test]
async fn after_the_result_at_most_once_is_done() {
    let scene = Scene::at_most_once();
    killed(&scene, Point::AfterSettle).await;
    assert_eq!(scene.requests(), each(0..1, 0, 1));
    sent(&scene).await;
}
