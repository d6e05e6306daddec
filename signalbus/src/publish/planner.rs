use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    mem::take,
    sync::Arc,
};

use super::{
    Answer, InvalidEvent, Prepared, PublishLimits, Published, RouteAnswer, Verdict, check,
    fingerprint,
};
use crate::{
    clock::Timestamp,
    event::{Class, Event, Recipient},
    id::IdSource,
    name::{ChannelName, TenantId, Topic},
    policy::{self, Policy},
    route::{
        Route,
        content::{self, Content},
        recipient,
    },
    store::{AddressHash, EndState, NewDelivery, NewEvent, NewRecipient, Reason, RecipientKey},
    text::one_line,
};

/// Turns events into what a store takes.
#[derive(Debug)]
pub(crate) struct Planner {
    pub(crate) routes: BTreeMap<ChannelName, Arc<dyn Route>>,
    pub(crate) policy: Policy,
    pub(crate) limits: PublishLimits,
    pub(crate) ids: IdSource,
    /// Whether the store cannot tell several addresses of a recipient on one channel apart.
    pub(crate) one_address: bool,
}

/// One recipient on one channel.
pub(crate) struct Planned<'a> {
    pub(crate) recipient: usize,
    /// None when there is no route.
    pub(crate) route: Option<&'a Arc<dyn Route>>,
    pub(crate) rejected: Option<String>,
    recipient_key: RecipientKey,
    pub(crate) address: Option<AddressHash>,
    /// Whether an earlier recipient has the same address there: nothing is sent to it twice.
    repeated: bool,
}

impl Planner {
    /// Checks an event; what is wrong is dropped with care.
    pub(crate) fn checked(&self, event: Event) -> Result<(Event, TenantId, Topic), InvalidEvent> {
        match self.check(&event) {
            Ok((tenant, topic)) => Ok((event, tenant, topic)),
            Err(error) => {
                check::dismantle(event);
                Err(error)
            }
        }
    }

    /// What a store takes of an event, and its content as it is before it is encoded. `draft` is
    /// room to encode it in.
    pub(crate) fn prepare(
        &self,
        event: Event,
        draft: &mut Vec<u8>,
    ) -> Result<(Prepared, Content), InvalidEvent> {
        let (mut event, tenant, topic) = self.checked(event)?;
        event.locale = check::usable_locale(event.locale.take());
        for recipient in &mut event.to {
            recipient.locale = check::usable_locale(recipient.locale.take());
        }
        let idempotency = fingerprint::record(&event, &topic)?;
        let rule = self.policy.plan(&topic);
        let planned = self.plan(&event, &tenant, rule);
        let id = self.ids.event();
        let mut deliveries = Vec::with_capacity(planned.len());
        let mut routes = Vec::with_capacity(planned.len());
        for plan in planned {
            let delivery = self.delivery(&event, (&tenant, &topic), rule, &plan);
            routes.push(RouteAnswer {
                recipient: plan.recipient,
                channel: delivery.channel.clone(),
                delivery: delivery.id,
                answer: plan.answer(event.send_at),
            });
            deliveries.push(delivery);
        }
        let recipients = self.recipients(&event, &tenant, &deliveries, draft);
        let content = self.content(&mut event, rule);
        let unwritable = |error: serde_json::Error| InvalidEvent::new("data", error.to_string());
        let recipients = recipients.map_err(unwritable)?;
        let secret = event.secret.as_ref().map(serde_json::to_vec);
        let secret = secret.transpose().map_err(unwritable)?;
        content.write(draft).map_err(unwritable)?;
        let own: usize = recipients.iter().map(|one| one.content.len()).sum();
        let length = draft.len() + own + secret.as_ref().map_or(0, Vec::len);
        if length > self.limits.bytes {
            let problem = format!(
                "the event has {} bytes as JSON; at most {} are allowed: send large things as attachments",
                length, self.limits.bytes
            );
            return Err(InvalidEvent::new("data", problem));
        }
        // Only the repeat of a key asks for them again.
        let answers = idempotency.as_ref().map_or(&[][..], |_| &routes);
        let blob = content::seal(draft, answers).map_err(unwritable)?;
        let published = Published {
            event: id,
            verdict: Verdict::Accepted,
            routes,
        };
        let event = NewEvent {
            id,
            tenant,
            topic,
            parent: None,
            class: event.class,
            idempotency,
            content: blob,
            recipients,
            secret: secret.map(Into::into),
            attachments: event.attachments,
            deliveries,
        };
        Ok((Prepared::new(event, published), content))
    }

    /// What is kept of each recipient; `deliveries` come in their order.
    fn recipients(
        &self,
        event: &Event,
        tenant: &TenantId,
        deliveries: &[NewDelivery],
        draft: &mut Vec<u8>,
    ) -> Result<Vec<NewRecipient>, serde_json::Error> {
        let mut rest = deliveries;
        let recipients = event.to.iter().zip(0_u32..).map(|(recipient, place)| {
            let others = rest.iter().position(|one| one.recipient != place);
            let (of_this, behind) = rest.split_at(others.unwrap_or(rest.len()));
            rest = behind;
            let routed = of_this.iter().find(|one| one.address.is_some());
            Ok(NewRecipient {
                key: match routed {
                    Some(delivery) => delivery.recipient_key,
                    None => self.unrouted_key(recipient, tenant),
                },
                content: recipient::encode(recipient, draft)?,
            })
        });
        recipients.collect()
    }

    /// For a recipient that is sent nothing: so that they are found all the same.
    fn unrouted_key(&self, recipient: &Recipient, tenant: &TenantId) -> RecipientKey {
        let normal = || {
            recipient.addresses.iter().find_map(|(channel, addresses)| {
                let address = addresses.iter().next()?;
                let route = self.routes.get(channel.as_str());
                Some(
                    match route.map(|route| route.resolve(address, tenant, None)) {
                        Some(Ok(resolved)) => resolved.recipient_key,
                        _ => RecipientKey::of(tenant, address),
                    },
                )
            })
        };
        match &recipient.id {
            Some(id) => RecipientKey::of(tenant, id),
            None => normal().unwrap_or_else(|| RecipientKey::of(tenant, "")),
        }
    }

    /// Takes out of an event what is kept besides what stores look into.
    pub(crate) fn content(&self, event: &mut Event, rule: Option<&policy::Plan>) -> Content {
        let mut content = Content::new(take(&mut event.to), take(&mut event.data));
        content.locale = event.locale.take();
        content.options = take(&mut event.options);
        content.template = rule.and_then(|rule| rule.template.clone());
        content.category = rule.and_then(|rule| rule.category.clone());
        content.trace = event.trace.take();
        content.secret = event.secret.is_some();
        #[cfg(feature = "otel")]
        if content.trace.is_none() {
            content.trace = crate::trace::current();
        }
        content
    }

    /// Checks everything about an event that can be checked without a store.
    pub(crate) fn check(&self, event: &Event) -> Result<(TenantId, Topic), InvalidEvent> {
        check::check(event, &self.limits)?;
        let topic = Topic::new(&event.topic)
            .map_err(|error| InvalidEvent::new("topic", error.to_string()))?;
        let tenant = match &event.tenant {
            None => TenantId::default(),
            Some(tenant) => TenantId::new(tenant)
                .map_err(|error| InvalidEvent::new("tenant", error.to_string()))?,
        };
        if self.one_address {
            check::one_address(event)?;
        }
        for (channel, options) in &event.options {
            let field = || format!("options.{channel}");
            let route = self
                .routes
                .get(channel.as_str())
                .ok_or_else(|| InvalidEvent::new(field(), "no such channel is set up"))?;
            route
                .check_options(&tenant, Some(options))
                .map_err(|error| InvalidEvent::new(field(), error.to_string()))?;
        }
        Ok((tenant, topic))
    }

    /// Who would hear of an event on which channel, by the rule for its topic.
    pub(crate) fn plan(
        &self,
        event: &Event,
        tenant: &TenantId,
        rule: Option<&policy::Plan>,
    ) -> Vec<Planned<'_>> {
        let channels = rule.map_or(&[][..], |rule| &rule.channels);
        let mut planned = Vec::with_capacity(event.to.len());
        let mut seen: HashMap<(&ChannelName, AddressHash), usize> = HashMap::new();
        for (index, recipient) in event.to.iter().enumerate() {
            let before = planned.len();
            for route in channels
                .iter()
                .filter_map(|channel| self.routes.get(*channel))
            {
                let first = planned.len();
                for address in addresses(recipient, route) {
                    let mut plan = resolve(index, recipient, tenant, route, &address);
                    // Two spellings of one address are sent one message.
                    let same = |other: &Planned<'_>| other.address == plan.address;
                    if plan.address.is_some() && planned[first..].iter().any(same) {
                        continue;
                    }
                    if let (Some(hash), true) = (plan.address, event.to.len() > 1) {
                        let earlier = *seen.entry((route.name(), hash)).or_insert(index);
                        if earlier != index {
                            plan.repeated = true;
                            plan.rejected = Some(format!(
                                "has the same address as to[{earlier}]: an event is sent to it once"
                            ));
                        }
                    }
                    planned.push(plan);
                }
            }
            if planned.len() == before {
                planned.push(Planned {
                    recipient: index,
                    route: None,
                    rejected: None,
                    recipient_key: recipient_key(recipient, tenant),
                    address: None,
                    repeated: false,
                });
            }
        }
        planned
    }

    fn delivery(
        &self,
        event: &Event,
        (tenant, topic): (&TenantId, &Topic),
        rule: Option<&policy::Plan>,
        plan: &Planned<'_>,
    ) -> NewDelivery {
        let channel = plan.route.map(|route| route.name().clone());
        let ended = match (&channel, &plan.rejected) {
            (None, _) => Some((EndState::NotNeeded, Reason::NoRoute)),
            (Some(_), Some(_)) if plan.repeated => Some((EndState::NotNeeded, Reason::Repeated)),
            (Some(_), Some(_)) => Some((EndState::Dead, Reason::InvalidAddress)),
            (Some(_), None) => None,
        };
        let detail = match &channel {
            None => Some(why_no_route(topic, rule)),
            Some(_) => plan.rejected.clone(),
        };
        let recipient = u32::try_from(plan.recipient).unwrap_or(u32::MAX);
        let mut delivery = NewDelivery::new(self.ids.delivery(), recipient, plan.recipient_key);
        delivery.order_key = order_key(plan.recipient_key, channel.as_ref(), event.class);
        delivery.channel = channel;
        delivery.order = event.order;
        delivery.address = plan.address;
        delivery.sender = plan
            .route
            .and_then(|route| route.sender(tenant, event.options.get(route.name().as_str())));
        delivery.category = rule.and_then(|rule| rule.category.clone());
        delivery.pool = rule.and_then(|rule| rule.pool.clone());
        delivery.send_at = event.send_at;
        delivery.expires_at = event.expires_at;
        delivery.ended = ended;
        delivery.detail = detail.map(|detail| one_line(detail, LONGEST_DETAIL));
        delivery
    }
}

fn why_no_route(topic: &Topic, rule: Option<&policy::Plan>) -> String {
    match rule {
        None => format!("the policy has no rule for the topic {topic}"),
        Some(rule) if rule.channels.is_empty() => {
            format!("the rule of the policy for the topic {topic} has no channel")
        }
        Some(rule) => format!(
            "the recipient has no address for any channel of the topic {topic}: {}",
            rule.channels.join(", ")
        ),
    }
}

/// The longest reason of a channel that is kept.
const LONGEST_DETAIL: usize = 500;

impl Planned<'_> {
    pub(crate) fn answer(&self, send_at: Option<Timestamp>) -> Answer {
        match (&self.rejected, self.route, send_at) {
            (Some(why), ..) => Answer::Rejected(why.clone()),
            (None, None, _) => Answer::NoRoute,
            (None, Some(_), Some(at)) => Answer::Scheduled(at),
            (None, Some(_), None) => Answer::Queued,
        }
    }
}

/// Where somebody is reached on a channel.
fn addresses<'a>(
    recipient: &'a Recipient,
    route: &Arc<dyn Route>,
) -> impl Iterator<Item = Cow<'a, str>> {
    let named = recipient.addresses.get(route.name().as_str());
    let known = match named {
        None => route.address_of(recipient),
        Some(_) => None,
    };
    let named = named
        .into_iter()
        .flatten()
        .map(|one| Cow::Borrowed(one.as_str()));
    named.chain(known.map(Cow::Owned))
}

fn resolve<'a>(
    index: usize,
    recipient: &Recipient,
    tenant: &TenantId,
    route: &'a Arc<dyn Route>,
    address: &str,
) -> Planned<'a> {
    let id = recipient.id.as_deref();
    let resolved = match check::address_problem(address) {
        Some(problem) => Err(problem),
        None => route
            .resolve(address, tenant, id)
            .map_err(|error| error.to_string()),
    };
    let (recipient_key, address, rejected) = match resolved {
        Ok(resolved) => (resolved.recipient_key, Some(resolved.hash), None),
        Err(problem) => (recipient_key(recipient, tenant), None, Some(problem)),
    };
    Planned {
        recipient: index,
        route: Some(route),
        rejected,
        recipient_key,
        address,
        repeated: false,
    }
}

/// For a recipient without an address.
fn recipient_key(recipient: &Recipient, tenant: &TenantId) -> RecipientKey {
    RecipientKey::of(tenant, recipient.id.as_deref().unwrap_or_default())
}

/// Recipient, channel and class in 64 bits: the first half of the recipient's key, mixed with the channel's name (FNV-1a)
/// and the class by the finaliser of `SplitMix64`. Persisted: never change it.
fn order_key(recipient_key: RecipientKey, channel: Option<&ChannelName>, class: Class) -> u64 {
    let name = channel
        .map_or("", ChannelName::as_str)
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    let class = u64::try_from(class.index()).unwrap_or(0);
    let mut mixed =
        recipient_key.half() ^ name.rotate_left(17) ^ class.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
