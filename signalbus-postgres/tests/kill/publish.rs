//! Killed while publishing (promises P1 and P7).

use signalbus::store::{DeliveryFilter, Store};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    orders::{Job, Point},
    parent::{Ending, Scene, each},
    support,
};

#[tokio::test]
async fn before_the_commit_of_the_host_nothing_is_stored() {
    let scene = Scene::new();
    scene
        .dies(Job::PublishInTransaction, Point::BeforeHostCommit)
        .await;
    scene.finishes(Job::Send).await;
    assert!(scene.requests().is_empty());
    let store = scene.store().await;
    assert!(
        store
            .tally(&DeliveryFilter::new())
            .await
            .unwrap()
            .is_empty()
    );
    let mut host = PgConnection::connect(&support::url()).await.unwrap();
    let count = format!("SELECT count(*) FROM {}.orders", scene.schema);
    let orders: i64 = sqlx::query_scalar(AssertSqlSafe(count))
        .fetch_one(&mut host)
        .await
        .unwrap();
    assert_eq!(orders, 0);
}

#[tokio::test]
async fn before_the_commit_of_the_host_the_key_stays_free() {
    let scene = Scene::new();
    scene
        .dies(Job::PublishInTransaction, Point::BeforeHostCommit)
        .await;
    scene.finishes(Job::PublishInTransaction).await;
    scene.finishes(Job::Send).await;
    assert_eq!(scene.answers(), ["Accepted"]);
    assert_eq!(scene.requests(), each(0..1, 0, 1));
}

#[tokio::test]
async fn after_the_commit_of_the_host_the_repeat_is_a_duplicate() {
    let scene = Scene::new();
    scene
        .dies(Job::PublishInTransaction, Point::AfterHostCommit)
        .await;
    scene.finishes(Job::PublishInTransaction).await;
    scene.finishes(Job::Send).await;
    sent_once(&scene).await;
}

#[tokio::test]
async fn before_the_answer_the_repeat_is_a_duplicate() {
    let scene = Scene::new();
    scene.dies(Job::Publish(1), Point::AfterAccept).await;
    scene.finishes(Job::Publish(1)).await;
    scene.finishes(Job::Send).await;
    sent_once(&scene).await;
}

#[tokio::test]
async fn a_duplicate_is_recognised_after_the_send_too() {
    let scene = Scene::new();
    scene.dies(Job::Publish(1), Point::AfterAccept).await;
    scene.finishes(Job::Send).await;
    scene.finishes(Job::Publish(1)).await;
    scene.finishes(Job::Send).await;
    sent_once(&scene).await;
}

async fn sent_once(scene: &Scene) {
    assert_eq!(scene.answers(), ["Duplicate"]);
    assert_eq!(scene.requests(), each(0..1, 0, 1));
    let sent = Ending::new("accepted (sent)", ["0.1 accepted -> accepted"]);
    assert_eq!(scene.endings().await, [sent]);
}
