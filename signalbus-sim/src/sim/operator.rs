//! Operators and webhooks: what is done to events that were published.

use std::{sync::Arc, time::Duration};

use signalbus::{
    Signalbus, TenantId,
    name::{ChannelName, ProviderName, Topic},
    store::{
        CancelTarget, DeliveryFilter, PageToken, Paused, Receipt, ReceiptEffect, ReceiptKind,
        ReceiptTarget, Redrive, RedriveContent, Retention, Selection,
    },
};

use super::{
    people,
    publisher::{Ledger, Told},
    script::{self, Do},
    world::World,
};
use crate::history::{Request, Seen};

/// Does one thing; what the store refuses is refused.
pub(super) async fn operate(
    world: Arc<World>,
    engine: Signalbus,
    ledger: Ledger,
    id: u64,
    what: Do,
) {
    match what {
        Do::Suppress { tenant, person, on } => suppress(&engine, tenant, person, on).await,
        Do::Hold {
            tenant,
            channel,
            on,
        } => hold(&engine, tenant, channel, on).await,
        Do::Cancel {
            publish,
            delivery,
            foreign,
        } => {
            if let Some(told) = ledger.of(publish) {
                cancel(&world, &engine, &told, delivery, foreign).await;
            }
        }
        Do::Redrive {
            publish,
            delivery,
            times,
            foreign,
        } => {
            if let Some(told) = ledger.of(publish) {
                redrive(&world, &engine, &told, delivery, times, foreign).await;
            }
        }
        Do::Receipt {
            publish,
            delivery,
            kind,
            by_message,
            repeat,
            foreign,
        } => {
            let told = ledger.of(publish);
            let request = told.and_then(|told| taken_request(&world, &told, delivery));
            if let Some(request) = request {
                let times = if repeat { 2 } else { 1 };
                for _ in 0..times {
                    receive(&world, &engine, &request, id, kind, by_message, foreign).await;
                }
            }
        }
        Do::Purge { ago, limit } => {
            // The store's log says what it forgot.
            let _ = engine.purge(&Retention::new(ago).limit(limit)).await;
        }
        Do::Peek { publish } => {
            if let Some(told) = ledger.of(publish) {
                peek(&world, &engine, &told).await;
            }
        }
        _ => {}
    }
}

/// Redrives what is dead and blocks its successors, as an operator does after an outage.
pub(super) async fn unblock(engine: &Signalbus) {
    let Ok(topic) = Topic::new(script::Topic::Blocking.name()) else {
        return;
    };
    for tenant in people::tenants() {
        let filter = DeliveryFilter::new().topic(topic.clone()).dead();
        let redrive = redrive_of(tenant, Selection::Filter(filter));
        // What fails now is done in the next round.
        let _ = engine.redrive(redrive).await;
    }
}

/// Ends the pauses that stand.
pub(super) async fn resume_all(engine: &Signalbus) {
    // What fails now is done in the next round.
    for pause in engine.pauses().await.unwrap_or_default() {
        let _ = engine.resume(&pause.what).await;
    }
}

async fn hold(engine: &Signalbus, tenant: Option<u8>, channel: Option<&str>, on: bool) {
    let mut what = Paused::everything();
    what.tenant = tenant.and_then(people::tenant);
    what.channel = channel.and_then(|name| ChannelName::new(name).ok());
    // The store's log says whether it was done.
    if on {
        let _ = engine.pause(what, "operator", "a drill").await;
    } else {
        let _ = engine.resume(&what).await;
    }
}

async fn suppress(engine: &Signalbus, tenant: u8, person: u8, on: bool) {
    let Some(tenant) = people::tenant(tenant) else {
        return;
    };
    for channel in ["ping", "code"] {
        let address = people::address(person, channel);
        // The store's log says whether it was done.
        if on {
            let _ = engine.suppress(&tenant, channel, &address, "manual").await;
        } else {
            let _ = engine.unsuppress(&tenant, channel, &address).await;
        }
    }
}

async fn cancel(
    world: &World,
    engine: &Signalbus,
    told: &Told,
    delivery: Option<u64>,
    foreign: bool,
) {
    let target = match delivery {
        None => CancelTarget::Event(told.event),
        Some(nth) => match pick(told, nth) {
            Some(delivery) => CancelTarget::Delivery(delivery),
            None => return,
        },
    };
    let tenant = if foreign {
        other(told)
    } else {
        told.tenant.clone()
    };
    if let Ok(cancelled) = engine.cancel(&tenant, target, "operator").await
        && foreign
    {
        reached(world, "a cancel", cancelled.len());
    }
}

async fn redrive(
    world: &World,
    engine: &Signalbus,
    told: &Told,
    nth: u64,
    times: u64,
    foreign: bool,
) {
    let Some(delivery) = pick(told, nth) else {
        return;
    };
    let Ok(Some(explained)) = engine.explain(&told.tenant, delivery).await else {
        return;
    };
    let generation = explained.delivery.generation;
    let tenant = if foreign {
        other(told)
    } else {
        told.tenant.clone()
    };
    // At once: of several with the same generation one may win.
    let all = (0..times).map(|_| {
        let selection = Selection::Ids(vec![(delivery, generation)]);
        engine.redrive(redrive_of(tenant.clone(), selection))
    });
    for redriven in futures::future::join_all(all).await.into_iter().flatten() {
        if foreign {
            reached(world, "a redrive", redriven.started.len());
        }
    }
}

fn redrive_of(tenant: TenantId, selection: Selection) -> Redrive {
    Redrive {
        tenant,
        selection,
        actor: "operator".to_owned(),
        content: RedriveContent::Fresh,
        spacing: Duration::ZERO,
        expires_at: None,
        limit: 100,
        dry_run: false,
    }
}

/// The last request for a delivery whose message the provider took: only then it has something to
/// say about it.
fn taken_request(world: &World, told: &Told, nth: u64) -> Option<Request> {
    let delivery = pick(told, nth)?;
    world.journal.look(|events| {
        events.iter().rev().find_map(|event| match &event.seen {
            Seen::Request(request) if request.delivery == delivery && request.taken => {
                Some(request.clone())
            }
            _ => None,
        })
    })
}

async fn receive(
    world: &World,
    engine: &Signalbus,
    request: &Request,
    id: u64,
    kind: u64,
    by_message: bool,
    foreign: bool,
) {
    let tenant = if foreign {
        people::tenants().find(|tenant| *tenant != request.tenant)
    } else {
        Some(request.tenant.clone())
    };
    let Some(tenant) = tenant else { return };
    let target = if by_message {
        ReceiptTarget::Message(format!("m{}", request.request))
    } else {
        ReceiptTarget::Delivery(request.delivery)
    };
    let kinds = [
        ReceiptKind::Deferred,
        ReceiptKind::Sent,
        ReceiptKind::Delivered,
        ReceiptKind::Bounced,
        ReceiptKind::Complained,
        ReceiptKind::Opened,
        ReceiptKind::Clicked,
    ];
    let Some(kind) = usize::try_from(kind).ok().and_then(|kind| kinds.get(kind)) else {
        return;
    };
    let receipt = Receipt::new(
        tenant,
        ProviderName::clone(&request.provider),
        target,
        kind.clone(),
        format!("statement-{id}"),
    );
    if let Ok(effects) = engine.record_receipts(vec![receipt]).await
        && foreign
    {
        let effects = effects.into_iter();
        let touched = effects
            .filter(|effect| matches!(effect, ReceiptEffect::Advanced | ReceiptEffect::Recorded));
        reached(world, "a receipt", touched.count());
    }
}

/// Reads another tenant's things.
async fn peek(world: &World, engine: &Signalbus, told: &Told) {
    let tenant = other(told);
    let mut seen = 0;
    if let Ok(Some(_)) = engine.event(&tenant, told.event).await {
        seen += 1;
    }
    for delivery in &told.deliveries {
        if let Ok(Some(_)) = engine.explain(&tenant, *delivery).await {
            seen += 1;
        }
    }
    let filter = DeliveryFilter::new().tenant(tenant.clone());
    if let Ok(page) = engine.list(&filter, PageToken::first(1_000)).await {
        let others = page.items.iter().filter(|item| item.tenant != tenant);
        seen += others.count();
    }
    reached(world, "a look", seen);
}

fn pick(told: &Told, nth: u64) -> Option<signalbus::DeliveryId> {
    let at = usize::try_from(nth).ok()? % told.deliveries.len().max(1);
    told.deliveries.get(at).copied()
}

fn other(told: &Told) -> TenantId {
    people::tenants()
        .find(|tenant| *tenant != told.tenant)
        .unwrap_or_default()
}

fn reached(world: &World, what: &str, reached: usize) {
    world.journal.write(
        "operator",
        Seen::Foreign {
            what: what.to_owned(),
            reached: u64::try_from(reached).unwrap_or(u64::MAX),
        },
    );
}
