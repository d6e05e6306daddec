//! Killed while redriving: repeating it finishes it, and nothing is redriven twice (promise P4).

use crate::{
    orders::{Job, Point},
    parent::{Ending, Scene, each},
};

const COUNT: usize = 20;

/// All messages refused for good, in generation 0.
async fn all_dead() -> Scene {
    let mut scene = Scene::new();
    scene.refuse = true;
    scene.finishes(Job::Publish(COUNT)).await;
    scene.finishes(Job::Send).await;
    scene.refuse = false;
    scene
}

async fn each_redriven_once(scene: &Scene) {
    scene.finishes(Job::Send).await;
    let mut requests = each(0..COUNT, 0, 1);
    requests.extend(each(0..COUNT, 1, 1));
    assert_eq!(scene.requests(), requests);
    let sent = || {
        Ending::new(
            "accepted (sent)",
            [
                "0.1 permanent -> dead",
                "redriven 0 -> 1",
                "1.1 accepted -> accepted",
            ],
        )
    };
    let expected: Vec<_> = (0..COUNT).map(|_| sent()).collect();
    assert_eq!(scene.endings().await, expected);
}

#[tokio::test]
async fn between_two_batches_the_repeat_finishes() {
    let scene = all_dead().await;
    scene.dies(Job::RedriveAll, Point::BetweenRedrives).await;
    scene.finishes(Job::RedriveAll).await;
    each_redriven_once(&scene).await;
}

#[tokio::test]
async fn between_two_batches_the_first_is_sent_meanwhile() {
    let scene = all_dead().await;
    scene.dies(Job::RedriveAll, Point::BetweenRedrives).await;
    scene.finishes(Job::Send).await;
    let mut requests = each(0..COUNT, 0, 1);
    requests.extend(each(0..5, 1, 1));
    assert_eq!(scene.requests(), requests);
    scene.finishes(Job::RedriveAll).await;
    each_redriven_once(&scene).await;
}

#[tokio::test]
async fn before_the_answer_the_repeat_finishes() {
    let scene = all_dead().await;
    scene.dies(Job::RedriveAll, Point::AfterRedrive).await;
    scene.finishes(Job::RedriveAll).await;
    each_redriven_once(&scene).await;
}

#[tokio::test]
async fn before_the_answer_the_repeat_of_a_generation_changes_nothing() {
    let scene = all_dead().await;
    let accepted = scene.answers().len();
    let job = Job::RedriveGeneration(0);
    scene.dies(job.clone(), Point::AfterRedrive).await;
    scene.finishes(job).await;
    assert_eq!(scene.answers()[accepted..], ["0 started, 20 skipped"]);
    each_redriven_once(&scene).await;
}
