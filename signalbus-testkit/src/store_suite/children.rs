//! Events that follow from others.

use signalbus_core::{
    EventId,
    store::{Effect, EndState, NewEvent, Next, Reason, SettleAnswer},
};

use super::{Harness, result, taken};

/// A child is stored with the result that leads to it, once, and tells its parent.
pub async fn a_result_stores_what_follows(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let parent = h.delivery(ada).await.event;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    let mut child = NewEvent::from(h.event().to("bob"));
    child.id = EventId::derived(&[&parent.to_string(), "next on call"]);
    child.parent = Some(parent);
    let id = child.id;
    let mut settle = result(&ready, Next::End(EndState::Dead, Reason::Refused));
    settle.effects = vec![Effect::Accept(Box::new(child.clone()))];
    worker.settles(settle.clone()).await;
    assert_eq!(worker.settle(settle).await, SettleAnswer::Already);
    let record = h.store().event(&child.tenant, id).await.unwrap();
    let record = record.expect("it was stored");
    assert_eq!(record.parent, Some(parent));
    assert_eq!(record.deliveries.len(), 1);
    worker.ready(record.deliveries[0].id).await;
    let record = h.store().event(&child.tenant, parent).await.unwrap();
    assert_eq!(record.expect("it is there").parent, None);
}

/// A result that comes too late leads to nothing.
pub async fn a_late_result_stores_nothing(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    worker.settles(taken(&ready, "m-1")).await;
    let child = NewEvent::from(h.event().to("bob"));
    let (tenant, id) = (child.tenant.clone(), child.id);
    let mut late = taken(&ready, "m-1");
    late.effects = vec![Effect::Accept(Box::new(child))];
    assert_eq!(worker.settle(late).await, SettleAnswer::Already);
    assert!(h.store().event(&tenant, id).await.unwrap().is_none());
}
