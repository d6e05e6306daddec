use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
};

use async_trait::async_trait;
use signalbus_core::{
    DeliveryId, Event, EventId, InvalidEvent, PublishError, Published, TenantId, Topic,
    directory::{TemplateSources, TemplateVersion},
    name::{ChannelName, ProviderName},
    publish::Answer,
    store::{
        AddressHash, DeliveryRecord, Erased, HistoryEntry, Redrive, Redriven, Store, StoreError,
    },
};

/// What the API asks of an engine.
///
/// For the caller: `Signalbus` is one.
///
/// For the implementer: the API has put the tenant of the key into each event already.
#[async_trait]
pub trait Engine: Debug + Send + Sync + 'static {
    /// The store it works on.
    fn store(&self) -> &dyn Store;

    /// Why it cannot do its work now, if it cannot: `/readyz` says so.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// Publishes events in one transaction, each for itself; answers are in their order.
    ///
    /// # Errors
    /// When the store did not take them: none was stored.
    async fn publish_all(
        &self,
        events: Vec<Event>,
    ) -> Result<Vec<Result<Published, InvalidEvent>>, PublishError>;

    /// Publishes events through a bus, each for itself, in their order: `Ok` when the bus has acknowledged
    /// them. Who stores them finds duplicates, and records conflicts.
    ///
    /// # Errors
    /// When the bus did not take them: it may have taken some, and the same keys find them again.
    async fn publish_all_to_bus(
        &self,
        events: Vec<Event>,
    ) -> Result<Vec<Result<EventId, InvalidEvent>>, PublishError>;

    /// Publishes an event to this topic of the bus, and not to the one that events go to unless said:
    /// `Ok` when the bus has acknowledged it.
    ///
    /// # Errors
    /// When the event is wrong, or the bus did not take it.
    async fn publish_to_bus_topic(
        &self,
        topic: &Topic,
        event: Event,
    ) -> Result<EventId, PublishError>;

    /// What would happen to an event. Nothing is stored or sent.
    ///
    /// # Errors
    /// When the event is wrong.
    fn plan(&self, event: &Event) -> Result<PlannedEvent, InvalidEvent>;

    /// Gives ended deliveries a new generation, and wakes whoever sends them.
    ///
    /// # Errors
    /// Nothing was changed.
    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError>;

    /// Forgets somebody of a tenant over all that the store keeps; says what was forgotten.
    ///
    /// # Errors
    /// When an address is none of its channel, or the store did not do it. A part may have been
    /// forgotten: repeat it.
    async fn erase(
        &self,
        tenant: &TenantId,
        who: &[Somebody],
        actor: &str,
    ) -> Result<Erased, StoreError>;

    /// A delivery, what happened to it, and the same as a story; none when the tenant has no such
    /// delivery.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn explain(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<(DeliveryRecord, Vec<HistoryEntry>, String)>, StoreError>;

    /// Checks that a template can be compiled, has the names that a template can have, and is not too
    /// long.
    ///
    /// # Errors
    /// Says what is wrong with it.
    fn check_template(&self, name: &str, sources: &TemplateSources) -> Result<(), TemplateProblem>;

    /// The messages that an event would give, were the template of this name as these sources say.
    /// Nothing is stored or sent.
    ///
    /// # Errors
    /// When the event is wrong, or a template fails.
    fn preview(
        &self,
        event: &Event,
        name: &str,
        sources: &TemplateSources,
    ) -> Result<Vec<RenderedMessage>, TemplateProblem>;

    /// Uses this version of a template for a tenant from now on, in this process; none for the host's
    /// template of this name.
    fn use_template(&self, tenant: &TenantId, name: &str, version: Option<&TemplateVersion>);

    /// An address as the suppression list has it.
    ///
    /// # Errors
    /// When the channel is not set up, or the address is none of it; names the field, never the value.
    fn address(
        &self,
        tenant: &TenantId,
        channel: &str,
        address: &str,
    ) -> Result<(ChannelName, AddressHash), InvalidEvent>;
}

/// One name of somebody who is to be forgotten.
#[derive(Clone, PartialEq, Eq)]
pub enum Somebody {
    /// The application's id of the person, as events name it.
    Id(String),
    /// An address of theirs.
    Address {
        /// On which channel.
        channel: String,
        /// The address, in any form that the channel takes.
        address: String,
    },
}

impl fmt::Debug for Somebody {
    /// Shows neither id nor address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id(_) => "Id",
            Self::Address { .. } => "Address",
        })
    }
}

/// A message that an event would give.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedMessage {
    /// The place of the recipient in the event.
    pub recipient: usize,
    /// The channel.
    pub channel: ChannelName,
    /// The locale that was used.
    pub locale: String,
    /// The parts, by name.
    pub parts: BTreeMap<String, String>,
}

impl fmt::Debug for RenderedMessage {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderedMessage")
            .field("recipient", &self.recipient)
            .field("channel", &self.channel)
            .field("locale", &self.locale)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a template, or with the event it is shown with. Names places, never data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateProblem(String);

impl TemplateProblem {
    /// `problem` says what is wrong and what to do.
    #[must_use]
    pub fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

/// What would happen to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedEvent {
    /// Whether the policy has a rule for its topic.
    pub rule: bool,
    /// One line for each recipient and channel.
    pub routes: Vec<PlannedRoute>,
}

/// What would happen for one recipient on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedRoute {
    /// The place of the recipient in the event.
    pub recipient: usize,
    /// The channel; none when there is no route.
    pub channel: Option<ChannelName>,
    /// Who would send it, in order of preference.
    pub providers: Vec<ProviderName>,
    /// What the publisher would be answered.
    pub answer: Answer,
}

/// Never called: proves that the trait can be used as `dyn Engine`.
fn _object_safe(_: &dyn Engine) {}
