//! Publishers: what they ask, and what they were told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use signalbus::{
    Clock as _, DeliveryId, Event, EventId, Idempotency, PublishError, Recipient, Signalbus,
    TenantId, Verdict, clock::later, name::ChannelName, store::StoreErrorKind,
};

use super::{draw::text, people, script::Publishing, world::World};
use crate::history::{Publish, RouteWanted, Said, Seen};

/// What publishers were told, for those who act on it later.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<BTreeMap<u64, Told>>>);

/// One event that was accepted.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) tenant: TenantId,
    pub(super) event: EventId,
    pub(super) deliveries: Vec<DeliveryId>,
}

impl Ledger {
    pub(super) fn of(&self, action: u64) -> Option<Told> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(&action).cloned()
    }

    fn enter(&self, action: u64, entry: Told) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(action, entry);
    }
}

/// How often a patient publisher tries.
const PATIENCE: u32 = 6;

/// Publishes as the script says, until it is told `Ok` if it is patient.
pub(super) async fn publish(
    world: Arc<World>,
    engine: Signalbus,
    ledger: Ledger,
    action: u64,
    publishing: Publishing,
) {
    let Some(asked) = asked(action, &publishing) else {
        return;
    };
    let tries = if publishing.patient && publishing.key.is_some() {
        PATIENCE
    } else {
        1
    };
    for _ in 0..tries {
        let call = world.journal.number();
        world.journal.write(
            "publisher",
            Seen::Publish(Publish {
                call,
                ..asked.clone()
            }),
        );
        let waiting = Waiting {
            world: &world,
            call,
            told: false,
        };
        let event = event(&asked, &publishing);
        if publishing.bus {
            if let Ok(event) = engine.publish_to_bus(event).await {
                return waiting.told(Seen::Handed { call, event });
            }
            waiting.told(Seen::PublishUnknown { call });
        } else {
            match engine.publish(event).await {
                Ok(published) => {
                    let deliveries: Vec<DeliveryId> = published
                        .routes
                        .iter()
                        .map(|route| route.delivery)
                        .collect();
                    let verdict = match published.verdict {
                        Verdict::Accepted => Said::Accepted,
                        Verdict::Duplicate => Said::Duplicate,
                        Verdict::Conflict => Said::Conflict,
                    };
                    if verdict != Said::Conflict {
                        ledger.enter(
                            action,
                            Told {
                                tenant: asked.tenant.clone(),
                                event: published.event,
                                deliveries: deliveries.clone(),
                            },
                        );
                    }
                    return waiting.told(Seen::Published {
                        call,
                        event: published.event,
                        verdict,
                        deliveries,
                    });
                }
                Err(PublishError::Store(error)) if error.kind() == StoreErrorKind::Unavailable => {
                    waiting.told(Seen::NotPublished { call });
                }
                Err(_) => waiting.told(Seen::PublishUnknown { call }),
            }
        }
        world.clock.sleep(Duration::from_millis(300)).await;
    }
}

/// A call without an answer yet. Dropped, there never was one.
struct Waiting<'a> {
    world: &'a World,
    call: u64,
    told: bool,
}

impl Waiting<'_> {
    fn told(mut self, seen: Seen) {
        self.told = true;
        self.world.journal.write("publisher", seen);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.told {
            let call = self.call;
            self.world
                .journal
                .write("publisher", Seen::PublishUnknown { call });
        }
    }
}

/// What the checker is told of a publish; its content tells apart what the engine must tell apart.
fn asked(action: u64, publishing: &Publishing) -> Option<Publish> {
    let tenant = people::tenant(publishing.tenant)?;
    let told_apart = Publishing {
        bus: false,
        patient: false,
        worker: 0,
        ..publishing.clone()
    };
    let mut content = format!("{tenant}-{:016x}", text(&format!("{told_apart:?}")));
    if publishing.key.is_none() {
        content = format!("{content}-{action}");
    }
    let channels = publishing.topic.channels();
    let mut routes = Vec::new();
    for person in &publishing.people {
        for channel in channels {
            routes.push(RouteWanted {
                person: people::name(*person),
                channel: ChannelName::new(channel).ok(),
                address: people::address(*person, channel),
            });
        }
        if channels.is_empty() {
            routes.push(RouteWanted {
                person: people::name(*person),
                channel: None,
                address: String::new(),
            });
        }
    }
    let at = |since: Option<Duration>| since.map(|since| later(super::clock::BEGINNING, since));
    Some(Publish {
        call: 0,
        tenant,
        key: publishing.key.map(|key| format!("key-{key}")),
        content,
        order: publishing.order,
        class: publishing.class,
        bus: publishing.bus,
        send_at: at(publishing.send_at),
        expires_at: at(publishing.expires_at),
        routes,
    })
}

fn event(asked: &Publish, publishing: &Publishing) -> Event {
    let idempotency = match &asked.key {
        Some(key) => Idempotency::key(key),
        None => Idempotency::None,
    };
    let mut event = Event::new(publishing.topic.name(), idempotency)
        .tenant(asked.tenant.as_str())
        .class(publishing.class)
        .order(publishing.order)
        .data(serde_json::json!({ "content": asked.content }));
    event.send_at = asked.send_at;
    event.expires_at = asked.expires_at;
    for person in &publishing.people {
        let mut recipient = Recipient::new().id(people::name(*person));
        for channel in ["ping", "code"] {
            recipient
                .addresses
                .insert(channel.to_owned(), people::address(*person, channel).into());
        }
        event = event.to(recipient);
    }
    event
}
