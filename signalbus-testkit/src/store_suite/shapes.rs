//! What is kept for the engine, and looked at by nobody else; and what goes its own way by pool.

use signalbus_core::{
    name::PoolName,
    store::{Account, ClassWindow, GatherKey, Ready, Window},
};

use super::{Harness, acme, all_of, channel, everything};

/// They come back as they were given.
pub async fn words_come_back_as_they_were_given(h: Harness) {
    let key = GatherKey([7; 16]);
    let event = h.event().to("ada").pool("us").gather(key).watched();
    let [ada, bob] = h.given(event.to("bob")).await;
    let record = h.delivery(ada).await;
    assert_eq!(record.pool, Some(PoolName::new("us").unwrap()));
    assert_eq!((record.gather, record.watched), (Some(key), true));
    let record = h.delivery(bob).await;
    assert_eq!((record.pool, record.gather), (None, None));
    assert!(!record.watched);
}

/// P6: pools have windows of their own, and are skipped one by one.
pub async fn a_pool_has_a_window_of_its_own(h: Harness) {
    let event = h.event().to("ada").pool("us").to("bob").pool("us");
    let event = event.to("cid").pool("eu").to("dan");
    let [ada, _bob, cid, dan] = h.given(event).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    assert_eq!(ready.group().pool, Some(PoolName::new("us").unwrap()));
    let us = Account {
        channel: channel("email"),
        tenant: acme(),
        pool: ready.pool,
    };
    let class = ClassWindow {
        skip: vec![us],
        ..all_of(ready.class)
    };
    let window = Window {
        classes: vec![class],
        ..everything()
    };
    let fetched = worker.fetch_window(window).await;
    let mut found: Vec<_> = fetched.ready.iter().map(|ready| ready.id).collect();
    found.sort_unstable();
    assert_eq!(found, [cid, dan]);
}

/// A class that is cut in the middle of a tenant's pools goes on behind the cut.
pub async fn a_cut_between_pools_goes_on_behind_it(h: Harness) {
    let pools = ["eu", "ie", "us"];
    let draft = |event: super::Draft, pool: &&str| event.to("ada").pool(pool);
    let ids: [_; 3] = h.given(pools.iter().fold(h.event(), draft)).await;
    let worker = h.worker().await;
    let mut found = Vec::new();
    let mut after = None;
    for _ in 0..3 {
        let class = ClassWindow {
            total: 1,
            after: after.take(),
            ..all_of(signalbus_core::Class::Standard)
        };
        let window = Window {
            classes: vec![class],
            ..everything()
        };
        let fetched = worker.fetch_window(window).await;
        found.extend(fetched.ready.iter().map(|ready| ready.id));
        after = fetched.ready.last().map(Ready::group);
    }
    found.sort_unstable();
    assert_eq!(found, ids);
}
