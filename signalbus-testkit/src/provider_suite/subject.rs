use std::{any::Any, fmt, sync::Arc};

use serde_json::{Value, json};
use signalbus_core::{
    Attachment, Channel, Clock as _, DeliveryId, Entropy, EventId, Provider, Recipient,
    SystemClock, TenantId, Timestamp, Topic,
    channel::{Address, Compose, ComposeError, Parts},
    id::IdSource,
    provider::{Delivery, Latch, Question, SendError, Sent},
};

use crate::clock::ManualClock;

/// A provider, and a sample of its messages.
pub struct Subject<C: Channel> {
    /// The provider.
    pub provider: Arc<dyn Provider<C>>,
    channel: C,
    to: String,
    recipient: Recipient,
    parts: Vec<(&'static str, String)>,
    data: Value,
    options: C::Options,
    attachments: Vec<Attachment>,
    pub(super) secrets: Vec<String>,
    ids: IdSource,
    _kept: Vec<Box<dyn Any + Send>>,
}

/// A finished message with everything that a delivery of it borrows.
pub struct Parcel<C: Channel> {
    /// The delivery.
    pub id: DeliveryId,
    /// Counts redrives, from zero.
    pub generation: u32,
    /// Counts tries, from one.
    pub attempt: u32,
    /// Whether the start of the request was reported.
    pub latch: Latch,
    event: EventId,
    tenant: TenantId,
    to: C::Address,
    message: C::Message,
}

impl<C: Channel> Subject<C> {
    /// A provider under test, and the channel that composes messages for it. The recipient is
    /// named Ada Lovelace.
    #[must_use]
    pub fn new(channel: C, provider: impl Provider<C>) -> Self {
        let clock = Arc::new(ManualClock::default());
        Self {
            provider: Arc::new(provider),
            channel,
            to: String::new(),
            recipient: Recipient::new().name("Ada Lovelace"),
            parts: Vec::new(),
            data: json!({}),
            options: C::Options::default(),
            attachments: Vec::new(),
            secrets: Vec::new(),
            ids: IdSource::new(clock, Arc::new(Entropy::from_os())),
            _kept: Vec::new(),
        }
    }

    /// Sets where the sample goes: an address that the provider may send to in a test.
    #[must_use]
    pub fn to(mut self, address: &str) -> Self {
        address.clone_into(&mut self.to);
        self
    }

    /// Adds a part of the sample, as rendered from its template.
    #[must_use]
    pub fn part(mut self, name: &'static str, text: &str) -> Self {
        self.parts.push((name, text.to_owned()));
        self
    }

    /// Sets the data of the event, for channels that send it as it is.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// Sets the recipient of the sample.
    #[must_use]
    pub fn recipient(mut self, recipient: Recipient) -> Self {
        self.recipient = recipient;
        self
    }

    /// Sets what the event says beside its data.
    #[must_use]
    pub fn options(mut self, options: C::Options) -> Self {
        self.options = options;
        self
    }

    /// Adds a file to the sample.
    #[must_use]
    pub fn attach(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Adds a text that must not be shown anywhere, such as the provider's password.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }

    /// Keeps something as long as the subject, such as the server it talks to.
    #[must_use]
    pub fn keep(mut self, kept: impl Any + Send) -> Self {
        self._kept.push(Box::new(kept));
        self
    }

    /// The sample as a new delivery.
    ///
    /// # Panics
    /// When the channel refuses the sample.
    #[must_use]
    pub fn parcel(&self) -> Parcel<C> {
        self.compose(&self.recipient, &self.parts)
            .expect("the channel composes the sample")
    }

    /// The sample with this text in place of the recipient's name, and then of each part. Left
    /// out is what the channel itself refuses.
    pub(super) fn parcels_with(&self, text: &str) -> Vec<Parcel<C>> {
        let named = self.recipient.clone().name(text);
        let mut parcels = vec![self.compose(&named, &self.parts)];
        for index in 0..self.parts.len() {
            let mut parts = self.parts.clone();
            text.clone_into(&mut parts[index].1);
            parcels.push(self.compose(&self.recipient, &parts));
        }
        parcels.into_iter().filter_map(Result::ok).collect()
    }

    fn compose(
        &self,
        recipient: &Recipient,
        parts: &[(&'static str, String)],
    ) -> Result<Parcel<C>, ComposeError> {
        let to = C::Address::parse(&self.to).expect("the address of the sample");
        let (id, tenant) = (self.ids.delivery(), TenantId::default());
        let message = self.channel.compose(Compose {
            delivery: id,
            tenant: &tenant,
            accepted_at: Timestamp::constant(1_893_456_000, 0),
            to: &to,
            recipient,
            locale: "en",
            topic: &Topic::new("provider.suite").expect("a topic"),
            category: None,
            data: &self.data,
            parts: &parts.iter().cloned().collect::<Parts>(),
            options: &self.options,
            attachments: &self.attachments,
        })?;
        Ok(Parcel {
            id,
            generation: 0,
            attempt: 1,
            latch: Latch::default(),
            event: self.ids.event(),
            tenant,
            to,
            message,
        })
    }

    /// Makes one try.
    ///
    /// # Errors
    /// What the provider says.
    pub async fn send(&self, parcel: &Parcel<C>) -> Result<Sent, SendError> {
        self.provider.send(parcel.delivery()).await
    }

    /// Sends the sample, which must be taken.
    ///
    /// # Panics
    /// When it is not.
    pub async fn send_sample(&self) -> Sent {
        match self.send(&self.parcel()).await {
            Ok(sent) => sent,
            Err(error) => panic!("the sample was not taken: {error}; {error:?}"),
        }
    }

    /// What must be shown nowhere: secrets, the address, the name, the content.
    pub(super) fn confidential(&self) -> impl Iterator<Item = (&'static str, String)> {
        let normal = C::Address::parse(&self.to).map(|to| to.as_str().to_owned());
        let secrets = self
            .secrets
            .iter()
            .map(|secret| ("a secret", secret.clone()));
        let name = self.recipient.name.iter().cloned();
        let parts = self.parts.iter().map(|(_, text)| text.trim().to_owned());
        let address = [("the address", self.to.clone())];
        let normal = normal.into_iter().map(|address| ("the address", address));
        secrets
            .chain(address)
            .chain(normal)
            .chain(name.map(|name| ("the recipient's name", name)))
            .chain(parts.map(|text| ("content", text)))
            .filter(|(_, text)| !text.is_empty())
    }
}

impl<C: Channel> Parcel<C> {
    /// The delivery as the engine would hand it over.
    #[must_use]
    pub fn delivery(&self) -> Delivery<'_, C> {
        let mut delivery = Delivery::new(
            self.id,
            self.event,
            &self.tenant,
            &self.to,
            &self.message,
            &self.latch,
        );
        delivery.generation = self.generation;
        delivery.attempt = self.attempt;
        delivery
    }

    /// What the engine would ask a provider that it was handed to a moment ago, and that did not answer.
    #[must_use]
    pub fn question(&self) -> Question<'_, C> {
        let now = SystemClock::new().now();
        let (to, message) = (&self.to, &self.message);
        let mut question = Question::new(self.id, &self.tenant, to, message, (now, now));
        question.generation = self.generation;
        question
    }
}

impl<C: Channel> fmt::Debug for Subject<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("channel", &C::NAME)
            .field("provider", &self.provider.name())
            .finish_non_exhaustive()
    }
}

impl<C: Channel> fmt::Debug for Parcel<C> {
    /// Shows neither address nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("delivery", &self.delivery())
            .finish_non_exhaustive()
    }
}
