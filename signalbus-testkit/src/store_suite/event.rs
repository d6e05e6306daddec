use signalbus_core::{
    Attachment, ChannelName, Class, DeliveryId, EventId, Order, ProviderName, TenantId, Timestamp,
    Topic,
    id::IdSource,
    name::PoolName,
    store::{
        AddressHash, After, Cause, EndState, Fingerprint, GatherKey, IdempotencyRecord,
        NewDelivery, NewEvent, NewRecipient, Reason, RecipientKey, Suppression,
    },
};

/// An event to be stored, said in few words.
#[derive(Debug, Clone)]
pub struct Draft {
    ids: IdSource,
    /// The id it will have.
    pub id: EventId,
    tenant: TenantId,
    topic: Topic,
    class: Class,
    key: Option<String>,
    content: String,
    secret: Option<String>,
    attachments: Vec<Attachment>,
    recipients: Vec<Recipient>,
}

/// What was said about the recipients that follow.
#[derive(Debug, Clone)]
struct Recipient {
    id: DeliveryId,
    /// The one before, on another channel.
    again: bool,
    name: String,
    channel: Option<ChannelName>,
    order: Order,
    send_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    ended: Option<(EndState, Reason)>,
    detail: Option<String>,
    sender: Option<String>,
    category: Option<String>,
    pool: Option<PoolName>,
    after: Option<After>,
    gather: Option<GatherKey>,
    watched: bool,
}

impl Draft {
    pub(super) fn new(ids: IdSource) -> Self {
        Self {
            id: ids.event(),
            ids,
            tenant: acme(),
            topic: Topic::new("user.signup").unwrap(),
            class: Class::Standard,
            key: None,
            content: "{}".to_owned(),
            secret: None,
            attachments: Vec::new(),
            recipients: Vec::new(),
        }
    }

    /// Of this tenant, not `acme`.
    #[must_use]
    pub fn tenant(mut self, name: &str) -> Self {
        self.tenant = tenant(name);
        self
    }

    /// About this, not `user.signup`.
    #[must_use]
    pub fn topic(mut self, topic: &str) -> Self {
        self.topic = Topic::new(topic).unwrap();
        self
    }

    /// Of this class, not standard.
    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// With this idempotency key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// With this content; decides the fingerprint too.
    #[must_use]
    pub fn content(mut self, content: &str) -> Self {
        content.clone_into(&mut self.content);
        self
    }

    /// With this secret.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// With this file.
    #[must_use]
    pub fn attach(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// With the id of another event.
    #[must_use]
    pub fn id(mut self, id: EventId) -> Self {
        self.id = id;
        self
    }

    /// To this person by mail, ordered by start.
    #[must_use]
    pub fn to(mut self, name: &str) -> Self {
        self.recipients.push(Recipient {
            id: self.ids.delivery(),
            again: false,
            name: name.to_owned(),
            channel: Some(channel("email")),
            order: Order::Start,
            send_at: None,
            expires_at: None,
            ended: None,
            detail: None,
            sender: None,
            category: None,
            pool: None,
            after: None,
            gather: None,
            watched: false,
        });
        self
    }

    /// The last recipient on this channel, not by mail.
    #[must_use]
    pub fn on(self, name: &str) -> Self {
        self.last(|last| last.channel = Some(channel(name)))
    }

    /// The last recipient on this channel, too.
    #[must_use]
    pub fn also_on(mut self, name: &str) -> Self {
        let mut again = self.recipients.last().expect("a recipient").clone();
        again.id = self.ids.delivery();
        again.again = true;
        again.channel = Some(channel(name));
        self.recipients.push(again);
        self
    }

    /// The last recipient in this order.
    #[must_use]
    pub fn order(self, order: Order) -> Self {
        self.last(|last| last.order = order)
    }

    /// The last recipient not before this time.
    #[must_use]
    pub fn send_at(self, at: Timestamp) -> Self {
        self.last(|last| last.send_at = Some(at))
    }

    /// The last recipient not at or after this time.
    #[must_use]
    pub fn expires_at(self, at: Timestamp) -> Self {
        self.last(|last| last.expires_at = Some(at))
    }

    /// The last recipient's message comes from this sender.
    #[must_use]
    pub fn sender(self, sender: &str) -> Self {
        self.last(|last| last.sender = Some(sender.to_owned()))
    }

    /// The last recipient's message is of this category.
    #[must_use]
    pub fn category(self, category: &str) -> Self {
        self.last(|last| last.category = Some(category.to_owned()))
    }

    /// The last recipient's message is sent by this pool.
    #[must_use]
    pub fn pool(self, pool: &str) -> Self {
        self.last(|last| last.pool = Some(PoolName::new(pool).unwrap()))
    }

    /// The last recipient's delivery waits for the one before it.
    #[must_use]
    pub fn behind(self, after: impl FnOnce(DeliveryId) -> After) -> Self {
        let before = self.recipients.iter().rev().nth(1);
        let sibling = before.expect("a recipient before the last").id;
        self.last(|last| last.after = Some(after(sibling)))
    }

    /// The last recipient's delivery may be gathered under this key.
    #[must_use]
    pub fn gather(self, key: GatherKey) -> Self {
        self.last(|last| last.gather = Some(key))
    }

    /// Somebody wants to hear of the end of the last recipient's delivery.
    #[must_use]
    pub fn watched(self) -> Self {
        self.last(|last| last.watched = true)
    }

    /// The last recipient's address cannot be used: its delivery is dead at once.
    #[must_use]
    pub fn born_dead(self) -> Self {
        self.last(|last| last.ended = Some((EndState::Dead, Reason::InvalidAddress)))
    }

    /// The last recipient has no route: its delivery ends at once.
    #[must_use]
    pub fn without_route(self) -> Self {
        self.last(|last| {
            last.channel = None;
            last.ended = Some((EndState::NotNeeded, Reason::NoRoute));
            last.detail = Some("the policy has no rule".to_owned());
        })
    }

    fn last(mut self, change: impl FnOnce(&mut Recipient)) -> Self {
        change(self.recipients.last_mut().expect("a recipient"));
        self
    }
}

impl From<Draft> for NewEvent {
    fn from(draft: Draft) -> Self {
        let tenant = draft.tenant;
        let people = draft.recipients.iter().filter(|to| !to.again);
        let recipients = people
            .map(|to| NewRecipient {
                key: RecipientKey::of(&tenant, &to.name),
                content: own(&to.name).into(),
            })
            .collect();
        let mut people: u32 = 0;
        let deliveries = draft
            .recipients
            .into_iter()
            .map(|to| {
                people += u32::from(!to.again);
                let key = RecipientKey::of(&tenant, &to.name);
                let mut delivery = NewDelivery::new(to.id, people - 1, key);
                delivery.order_key = order_key(&tenant, to.channel.as_ref(), &to.name);
                delivery.order = to.order;
                delivery.address = to
                    .channel
                    .as_ref()
                    .map(|channel| AddressHash::of(channel, &to.name));
                delivery.channel = to.channel;
                delivery.send_at = to.send_at;
                delivery.expires_at = to.expires_at;
                delivery.sender = to.sender;
                delivery.category = to.category;
                delivery.ended = to.ended;
                delivery.detail = to.detail;
                delivery.pool = to.pool;
                delivery.after = to.after;
                delivery.gather = to.gather;
                delivery.watched = to.watched;
                delivery
            })
            .collect();
        Self {
            id: draft.id,
            topic: draft.topic,
            parent: None,
            class: draft.class,
            idempotency: draft.key.map(|key| IdempotencyRecord {
                key,
                fingerprint: fingerprint(&draft.content),
            }),
            content: draft.content.into(),
            recipients,
            secret: draft.secret.map(Into::into),
            attachments: draft.attachments,
            deliveries,
            tenant,
        }
    }
}

/// What is kept of a recipient.
pub(super) fn own(name: &str) -> String {
    format!("{{\"name\":\"{name}\"}}")
}

fn order_key(tenant: &TenantId, channel: Option<&ChannelName>, name: &str) -> u64 {
    let channel = channel.map_or("", ChannelName::as_str);
    RecipientKey::of(tenant, &format!("{channel}/{name}")).half()
}

/// Different for different content; what else it is does not matter to a store.
fn fingerprint(content: &str) -> Fingerprint {
    let mut bytes = [0; 32];
    let half = AddressHash::of(&channel("content"), content).0;
    bytes[..16].copy_from_slice(&half);
    Fingerprint(bytes)
}

/// The tenant of most cases.
#[must_use]
pub fn acme() -> TenantId {
    tenant("acme")
}

/// A tenant.
#[must_use]
pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// A channel.
#[must_use]
pub fn channel(name: &str) -> ChannelName {
    ChannelName::new(name).unwrap()
}

/// A provider.
#[must_use]
pub fn provider(name: &str) -> ProviderName {
    ProviderName::new(name).unwrap()
}

/// The suppression of a recipient's mail address.
#[must_use]
pub fn suppression(of: &str, recipient: &str) -> Suppression {
    let address = AddressHash::of(&channel("email"), recipient);
    Suppression::new(tenant(of), channel("email"), address, Cause::Manual)
}
