//! Connections: how many, for how long, and which are used again.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use signalbus::provider::Provider as _;
use signalbus_smtp::{PoolLimits, SmtpProvider};
use signalbus_testkit::{
    ManualClock,
    smtp::{Act, ServerOptions, SmtpServer, Step},
};

use crate::support::{Parcel, account, plain};

fn limits(change: impl FnOnce(&mut PoolLimits)) -> PoolLimits {
    let mut limits = PoolLimits::default();
    change(&mut limits);
    limits
}

async fn limited(limits: PoolLimits) -> (SmtpServer, SmtpProvider, ManualClock) {
    let server = SmtpServer::start(ServerOptions::new()).await;
    let clock = ManualClock::default();
    let config = account(&server).with_pool(limits);
    let provider = SmtpProvider::with_clock(config, Arc::new(clock.clone())).unwrap();
    (server, provider, clock)
}

#[tokio::test]
async fn a_connection_is_used_for_one_mail_after_the_other() {
    let (server, provider) = plain().await;
    for _ in 0..20 {
        Parcel::new().send(&provider).await.unwrap();
    }
    assert_eq!(server.visits().len(), 1);
    assert_eq!(server.mails().len(), 20);
}

#[tokio::test]
async fn there_are_never_more_than_the_limit() {
    let (server, provider, _) = limited(limits(|limits| limits.connections = 3)).await;
    assert_eq!(provider.capabilities().concurrency, 3);
    let parcels: Vec<_> = (0..20).map(|_| Parcel::new()).collect();
    for sent in join_all(parcels.iter().map(|parcel| parcel.send(&provider))).await {
        sent.unwrap();
    }
    assert_eq!(server.visits().len(), 3);
    assert_eq!(server.mails().len(), 20);
}

#[tokio::test]
async fn one_is_closed_after_so_many_mails_and_at_its_age() {
    let (server, provider, _) = limited(limits(|limits| limits.mails = 2)).await;
    for _ in 0..4 {
        Parcel::new().send(&provider).await.unwrap();
    }
    server.closed(2).await;
    assert!(server.visits().iter().all(|visit| visit.polite));

    let (server, provider, clock) =
        limited(limits(|limits| limits.age = Duration::from_secs(9))).await;
    Parcel::new().send(&provider).await.unwrap();
    clock.advance(Duration::from_secs(9));
    Parcel::new().send(&provider).await.unwrap();
    server.closed(1).await;
    assert_eq!(server.visits().len(), 2);
}

#[tokio::test]
async fn one_that_rests_too_long_is_closed_though_nothing_is_sent() {
    let (server, provider, clock) = limited(PoolLimits::default()).await;
    Parcel::new().send(&provider).await.unwrap();
    // The one that waits to close it.
    while clock.next_wakeup().is_none() {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(30));
    server.closed(1).await;
    assert!(server.visits()[0].polite);
    Parcel::new().send(&provider).await.unwrap();
    assert_eq!(server.visits().len(), 2);
}

#[tokio::test]
async fn the_server_is_asked_after_a_long_rest_only() {
    let (server, provider, clock) = limited(PoolLimits::default()).await;
    let resets = |server: &SmtpServer| {
        let lines = server.visits()[0].lines.clone();
        lines.iter().filter(|line| *line == "RSET").count()
    };
    for _ in 0..3 {
        Parcel::new().send(&provider).await.unwrap();
    }
    assert_eq!(resets(&server), 0);
    clock.advance(Duration::from_secs(5));
    Parcel::new().send(&provider).await.unwrap();
    assert_eq!(resets(&server), 1);
    assert_eq!(server.visits().len(), 1);
}

#[tokio::test]
async fn one_that_the_server_closed_is_replaced_without_a_failure() {
    // It closes: seen before a mail is risked.
    let (server, provider) = plain().await;
    server.once(Step::Dot, Act::reply_and_drop("250 2.0.0 taken, and bye"));
    Parcel::new().send(&provider).await.unwrap();
    server.closed(1).await;
    Parcel::new().send(&provider).await.unwrap();

    // It says so first.
    let (server, provider) = plain().await;
    let taken = b"250 2.0.0 taken\r\n421 4.4.2 too long idle\r\n".to_vec();
    server.once(Step::Dot, Act::Reply(taken));
    Parcel::new().send(&provider).await.unwrap();
    Parcel::new().send(&provider).await.unwrap();
    assert_eq!(server.visits().len(), 2);

    // It closes at the first command.
    for act in [Act::Drop, Act::reply_and_drop("421 4.4.2 too long idle")] {
        let (server, provider) = plain().await;
        Parcel::new().send(&provider).await.unwrap();
        server.once(Step::Mail, act);
        Parcel::new().send(&provider).await.unwrap();
        assert_eq!(server.visits().len(), 2);
        assert_eq!(server.mails().len(), 2);
    }
}

#[tokio::test]
async fn one_whose_transaction_was_dropped_is_not_used_again() {
    for step in [Step::Mail, Step::Data, Step::Dot] {
        let (server, provider) = plain().await;
        server.once(step, Act::Stall);
        let parcel = Parcel::new();
        tokio::select! {
            _ = parcel.send(&provider) => panic!("it stalls"),
            () = server.reached(step, 1) => {}
        }
        assert_eq!(parcel.latch.is_set(), step == Step::Dot, "{step:?}");
        Parcel::new().send(&provider).await.unwrap();
        let taken = server.mails().iter().filter(|mail| mail.is_taken()).count();
        assert_eq!((taken, server.visits().len()), (1, 2), "{step:?}");
    }
}
