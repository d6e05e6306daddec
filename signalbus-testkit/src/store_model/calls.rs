//! What publishers, providers and operators do.

use std::time::Duration;

use signalbus_core::{
    Timestamp, Topic,
    clock::{earlier, later},
    name::PoolName,
    store::{
        AddressHash, After, BusAdvance, BusPosition, Cancel, CancelTarget, Cause, DeliveryFilter,
        EndState, Erase, NewEvent, Pause, Paused, Reason, Receipt, ReceiptEffect, ReceiptKind,
        ReceiptTarget, RecipientKey, Redrive, RedriveContent, Retention, Scope, Selection,
        Suppression, Unsuppress,
    },
};

use super::{
    play::{Born, Play, Verdict, failed, precise, same},
    story::{
        self, About, Advance, Again, CHANNELS, Held, PEOPLE, POOLS, Said, TENANTS, TOPICS, To,
    },
    words,
    work::from_the_end,
};
use crate::store_suite::{Draft, channel, provider, redrive, tenant};

impl Play<'_> {
    pub(super) async fn accept(
        &mut self,
        events: &[story::Event],
        advance: Option<Advance>,
    ) -> Verdict {
        let events: Vec<NewEvent> = events
            .iter()
            .filter_map(|event| self.new_event(event))
            .collect();
        let advance: Vec<BusAdvance> = advance.map(|step| self.advance(step)).into_iter().collect();
        let told = self.store.accept(events.clone(), advance.clone()).await;
        let told = match told {
            Ok(answers) => Ok(answers.iter().map(words::acceptance).collect()),
            Err(error) => Err(error.kind()),
        };
        let expected = self.reference.accept(&events, &advance);
        let expected: Result<Vec<String>, _> =
            expected.map(|answers| answers.iter().map(words::acceptance).collect());
        for event in &events {
            for delivery in &event.deliveries {
                let name = self.name(delivery.id);
                let channel = delivery.channel.as_ref().map_or("-", |on| on.as_str());
                let line = format!(
                    "{name} of {}, {channel}, {:?}, key {:x}, due {:?}, expires {:?}",
                    event.tenant,
                    delivery.order,
                    delivery.order_key & 0xffff,
                    delivery.send_at.map(|at| at.to_string()),
                    delivery.expires_at.map(|at| at.to_string()),
                );
                self.say(&line);
            }
        }
        for answer in told.iter().flatten() {
            let answer: &String = answer;
            if answer.starts_with("Duplicate") {
                self.report.meet("duplicate");
            } else if answer.starts_with("Conflict") {
                self.report.meet("conflict");
            }
        }
        if told.is_err() {
            self.report.meet("stale position");
        }
        same("what became of events", &told, &expected)
    }

    fn new_event(&mut self, event: &story::Event) -> Option<NewEvent> {
        let (of, key, content, topic, class, to) = match event {
            story::Event::Again(which) => return from_the_end(&self.sent, *which).cloned(),
            story::Event::New {
                tenant,
                key,
                content,
                topic,
                class,
                to,
            } => (*tenant, *key, *content, *topic, *class, to),
        };
        let mut draft = self
            .harness
            .event()
            .tenant(TENANTS[of])
            .topic(TOPICS[topic])
            .class(class)
            .content(&format!("content {content}"));
        if content % 2 == 0 {
            draft = draft.secret("code");
        }
        if let Some(key) = key {
            draft = draft.key(&format!("key-{key}"));
        }
        for to in to {
            draft = self.recipient(draft, to);
        }
        let mut event = NewEvent::from(draft);
        let (now, mut ids) = (self.harness.now(), Vec::new());
        for (delivery, to) in event.deliveries.iter_mut().zip(to) {
            if let Some(id) = self.reserved.take() {
                delivery.id = id;
            }
            if matches!(to.ended, Some(story::Born::Dead)) {
                delivery.ended = Some((EndState::Dead, Reason::InvalidAddress));
                delivery.detail = Some("an address needs an '@'".to_owned());
            }
            let pool = to.pool.filter(|_| delivery.channel.is_some());
            delivery.pool = pool.and_then(|pool| PoolName::new(POOLS[pool]).ok());
            let earlier = to.behind.and_then(|behind| {
                let sibling = from_the_end(&ids, behind.back)?;
                let mut after = After::failed(*sibling);
                after.until = behind.until.map(|wait| precise(later(now, wait)));
                after.unless = behind.unless;
                Some(after)
            });
            delivery.after = earlier;
            ids.push(delivery.id);
            let born = Born {
                tenant: event.tenant.clone(),
                id: delivery.id,
                event: event.id,
            };
            self.born.push(born);
        }
        self.sent.push(event.clone());
        Some(event)
    }

    fn recipient(&self, draft: Draft, to: &To) -> Draft {
        let mut draft = draft
            .to(PEOPLE[to.person])
            .on(CHANNELS[to.channel])
            .order(to.order);
        if let Some(wait) = to.send_in {
            draft = draft.send_at(self.after(wait));
        }
        if let Some(wait) = to.expires_in {
            draft = draft.expires_at(self.after(wait));
        }
        if matches!(to.ended, Some(story::Born::WithoutRoute)) {
            draft = draft.without_route();
        }
        draft
    }

    pub(super) async fn pause(&mut self, held: Held) -> Verdict {
        let (what, reason) = (paused(held), format!("for {held:?}"));
        let pause = Pause::new(what.clone(), "ops", reason.as_str());
        let told = self.store.pause(pause).await.map_err(failed)?;
        same("a pause", &told, &self.reference.pause(&what, &reason))
    }

    pub(super) async fn resume(&mut self, held: Held) -> Verdict {
        let what = paused(held);
        let told = self.store.resume(&what).await.map_err(failed)?;
        same("the end of a pause", &told, &self.reference.resume(&what))
    }

    pub(super) async fn release(&mut self, limit: u32) -> Verdict {
        let told = self.store.release(limit).await.map_err(failed)?;
        if told.released > 0 {
            self.report.meet("released");
        }
        same("a release", &told, &self.reference.release(limit))
    }

    fn advance(&self, step: Advance) -> BusAdvance {
        let key = (
            "bus".to_owned(),
            "group".to_owned(),
            "topic".to_owned(),
            step.partition,
        );
        let stands = self.reference.bus_positions().get(&key).copied();
        let stands = stands.unwrap_or(0);
        let (bus, group, topic, partition) = key;
        BusAdvance {
            expected: if step.expects_right {
                stands
            } else {
                stands + 1
            },
            position: BusPosition {
                bus,
                group,
                topic,
                partition,
                next: stands + 3,
            },
        }
    }

    pub(super) async fn receipts(&mut self, said: &[Said]) -> Verdict {
        let mut batch = Vec::new();
        for said in said {
            let (of, target) = match said.about {
                About::Next => {
                    let id = self.harness.unknown_delivery();
                    (
                        tenant(TENANTS[0]),
                        ReceiptTarget::Delivery(*self.reserved.get_or_insert(id)),
                    )
                }
                About::Delivery(which) => match from_the_end(&self.born, which) {
                    Some(born) => (born.tenant.clone(), ReceiptTarget::Delivery(born.id)),
                    None => continue,
                },
                About::Message(which) => match from_the_end(&self.born, which) {
                    Some(born) => {
                        let name = format!("m-{}", self.name(born.id));
                        (born.tenant.clone(), ReceiptTarget::Message(name))
                    }
                    None => continue,
                },
            };
            let of = if said.foreign { tenant(TENANTS[1]) } else { of };
            let (kind, id) = (said.kind.clone(), format!("r-{}", said.id));
            let mut receipt = Receipt::new(of, provider("fake"), target, kind, id);
            let ago = |ago| earlier(self.harness.now(), ago);
            receipt.occurred_at = Some(precise(said.ago.map_or(Timestamp::MAX, ago)));
            if said.kind == ReceiptKind::Complained {
                receipt = receipt.suppressing(Cause::Complained, Scope::default());
            }
            batch.push(receipt);
        }
        let told = self
            .store
            .record_receipts(batch.clone())
            .await
            .map_err(failed)?;
        for (receipt, effect) in batch.iter().zip(&told) {
            let target = match &receipt.target {
                ReceiptTarget::Delivery(id) => self.name(*id),
                other => format!("{other:?}"),
            };
            let line = format!(
                "{} of {target} for {:?}, {:?} -> {effect:?}",
                receipt.id, receipt.tenant, receipt.kind
            );
            self.say(&line);
            self.report.meet(match effect {
                ReceiptEffect::Advanced => "receipt: advanced",
                ReceiptEffect::Recorded => "receipt: recorded",
                ReceiptEffect::Duplicate => "receipt: duplicate",
                _ => "receipt: parked",
            });
        }
        let expected = self.reference.record_receipts(&batch);
        same("what receipts did", &told, &expected)
    }

    pub(super) async fn cancel(
        &mut self,
        whole_event: bool,
        which: usize,
        foreign: bool,
    ) -> Verdict {
        let Some(born) = from_the_end(&self.born, which).cloned() else {
            return Ok(());
        };
        let asks = if foreign {
            tenant(TENANTS[1])
        } else {
            born.tenant
        };
        let cancel = Cancel {
            target: if whole_event {
                CancelTarget::Event(born.event)
            } else {
                CancelTarget::Delivery(born.id)
            },
            actor: "ops".to_owned(),
        };
        let told = self
            .store
            .cancel(&asks, cancel.clone())
            .await
            .map_err(failed)?;
        for one in &told {
            let line = format!("{} -> {:?}", self.name(one.id), one.answer);
            self.say(&line);
            self.report.meet("cancel");
        }
        same(
            "what was cancelled",
            &told,
            &self.reference.cancel(&asks, &cancel),
        )
    }

    pub(super) async fn redrive(&mut self, again: &Again) -> Verdict {
        let selection = match &again.named {
            Some(named) => {
                let pick = |(which, more): &(usize, u32)| {
                    let id = from_the_end(&self.born, *which)?.id;
                    let generation = self.reference.find(id).map_or(0, |one| one.generation);
                    Some((id, generation + more))
                };
                Selection::Ids(named.iter().filter_map(pick).collect())
            }
            None => {
                let mut filter = DeliveryFilter::new();
                filter.topic = again.topic.and_then(|topic| TOPICS[topic].parse().ok());
                Selection::Filter(filter)
            }
        };
        let request = Redrive {
            content: if again.frozen {
                RedriveContent::Frozen
            } else {
                RedriveContent::Fresh
            },
            spacing: again.spacing,
            expires_at: again.expires_in.map(|wait| self.after(wait)),
            limit: again.limit,
            dry_run: again.dry_run,
            ..redrive(tenant(TENANTS[again.tenant]), selection)
        };
        let told = self.store.redrive(request.clone()).await.map_err(failed)?;
        let began = told.started.iter();
        let began: Vec<_> = began
            .map(|(id, generation)| format!("{} ({generation})", self.name(*id)))
            .collect();
        let line = format!("began: {}; every {:?}", began.join(", "), again.spacing);
        self.say(&line);
        if !told.started.is_empty() {
            self.report.meet("redriven");
        }
        same(
            "what was redriven",
            &told,
            &self.reference.redrive(&request),
        )
    }

    pub(super) async fn suppress(&mut self, of: usize, person: usize, on: usize) -> Verdict {
        let address = AddressHash::of(&channel(CHANNELS[on]), PEOPLE[person]);
        let (of, on) = (tenant(TENANTS[of]), channel(CHANNELS[on]));
        let suppression = Suppression::new(of, on, address, Cause::Manual);
        self.reference.suppress(&suppression);
        self.store.suppress(vec![suppression]).await.map_err(failed)
    }

    pub(super) async fn unsuppress(&mut self, of: usize, person: usize, on: usize) -> Verdict {
        let (of, on) = (tenant(TENANTS[of]), channel(CHANNELS[on]));
        let address = AddressHash::of(&on, PEOPLE[person]);
        let which = Unsuppress::new(of, on, address);
        let told = self.store.unsuppress(which.clone());
        let told = told.await.map_err(failed)?;
        let expected = self.reference.unsuppress(&which);
        same("whether it was suppressed", &told, &expected)
    }

    pub(super) async fn erase(&mut self, of: usize, person: usize, on: usize) -> Verdict {
        let of = tenant(TENANTS[of]);
        let erase = Erase {
            keys: vec![RecipientKey::of(&of, PEOPLE[person])],
            addresses: vec![AddressHash::of(&channel(CHANNELS[on]), PEOPLE[person])],
            actor: "ops".to_owned(),
            limit: u32::MAX,
            tenant: of,
        };
        let told = self.store.erase(&erase).await.map_err(failed)?;
        let expected = self.reference.erase(&erase);
        if expected.cancelled > 0 {
            self.report.meet("erased");
        }
        self.say(&format!("{told:?}"));
        same("what was erased", &told, &expected)
    }

    /// Which of the events that may go a limited purge takes is the store's own choice.
    pub(super) async fn purge(&mut self, age: Duration, limit: u32) -> Verdict {
        let before = precise(earlier(self.harness.now(), age));
        let candidates = self.reference.purgeable(before);
        let retention = Retention::new(age).limit(limit);
        let told = self.store.purge(&retention).await.map_err(failed)?;
        self.reference.forget_counters();
        let mut gone = 0;
        for (tenant, id) in &candidates {
            let found = self.store.event(tenant, *id).await.map_err(failed)?;
            if found.is_none() {
                self.reference.forget(*id);
                self.report.meet("purged");
                gone += 1;
            }
        }
        let line = format!("{told} of {}", candidates.len());
        self.say(&line);
        let count = u64::try_from(candidates.len()).unwrap_or(u64::MAX);
        let expected = count.min(u64::from(limit));
        same("how many were purged", &(told, gone), &(expected, expected))
    }
}

fn paused(held: Held) -> Paused {
    let mut what = Paused::everything();
    what.tenant = held.tenant.map(|of| tenant(TENANTS[of]));
    what.topic = held.topic.and_then(|of| Topic::new(TOPICS[of]).ok());
    what.channel = held.channel.map(|on| channel(CHANNELS[on]));
    what
}
