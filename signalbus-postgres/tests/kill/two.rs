//! Two processes on one database: what one leaves behind, the other takes over (promises P2, P3).

use std::{
    os::unix::process::ExitStatusExt,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    orders::{Job, Point},
    parent::{Scene, each},
    support,
};

const COUNT: usize = 200;

/// P3: of two processes that send at the same time, one sends each message.
#[tokio::test]
async fn two_that_live_send_each_message_once() {
    let scene = Scene::new();
    scene.finishes(Job::Publish(COUNT)).await;
    tokio::join!(scene.finishes(Job::Send), scene.finishes(Job::Send));
    assert_eq!(scene.requests(), each(0..COUNT, 0, 1));
}

/// P2: the one that lives sends what the one that died had not, within a lease and a second.
#[tokio::test]
async fn the_one_that_lives_sends_the_rest() {
    let mut scene = Scene::new();
    scene.slots = 4;
    let mut lives = scene.start(Job::Stay, None);
    let mut dies = scene.start(Job::Stay, Some(Point::AfterRequest));
    while workers(&scene).await < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.finishes(Job::Publish(COUNT)).await;
    assert_eq!(dies.wait().await.unwrap().signal(), Some(9));
    let died = Instant::now();
    while scene.requests().len() < COUNT {
        assert!(
            died.elapsed() < Duration::from_secs(60),
            "{}",
            scene.requests().len()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    scene.settled(COUNT).await;
    lives.kill().await.unwrap();
    let twice = scene
        .requests()
        .values()
        .filter(|count| **count > 1)
        .count();
    assert!(twice <= 4, "at most what was in flight: {twice}");
    assert!(scene.requests().values().all(|count| *count <= 2));
}

/// How many workers have lanes.
async fn workers(scene: &Scene) -> i64 {
    let Ok(mut host) = PgConnection::connect(&support::url()).await else {
        return 0;
    };
    let count = format!("SELECT count(DISTINCT worker) FROM {}.lane", scene.schema);
    let count = sqlx::query_scalar(AssertSqlSafe(count));
    // The tables are not there yet.
    count.fetch_one(&mut host).await.unwrap_or(0)
}

/// P3: a process that stood still past its lease and goes on changes nothing of what another one
/// did meanwhile.
#[tokio::test]
async fn one_that_stood_still_finds_its_lanes_lost() {
    let mut scene = Scene::new();
    scene.slots = 8;
    scene.finishes(Job::Publish(COUNT)).await;
    let mut stalled = scene.start(Job::Stay, None);
    while scene.requests().len() < COUNT / 4 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let id = Pid::from_raw(i32::try_from(stalled.id().unwrap()).unwrap()).unwrap();
    kill_process(id, Signal::STOP).unwrap();
    let before = scene.requests().len();
    let mut other = scene.start(Job::Stay, None);
    scene.settled(COUNT).await;
    kill_process(id, Signal::CONT).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    other.kill().await.unwrap();
    stalled.kill().await.unwrap();
    let requests = scene.requests();
    assert_eq!(requests.len(), COUNT);
    let twice = requests.values().filter(|count| **count > 1).count();
    assert!(twice <= 8, "{twice} of {before} were sent again");
    let endings = scene.endings().await;
    assert!(endings.iter().all(|end| end.state == "accepted (sent)"));
}
