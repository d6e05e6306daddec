//! A channel with its providers, behind one object-safe face.

mod ask;
mod attempted;
pub(crate) mod content;
mod copies;
mod doubt;
pub(crate) mod fresh;
mod guarantee;
mod message;
mod pause;
pub(crate) mod recipient;
mod retry;
mod send;
mod setup;
mod tried;

use std::{fmt, panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    channel::{Address, AddressError, Channel, ComposeError, Part, Parts},
    clock::{Clock, Timestamp},
    event::{Attachment, Recipient},
    id::DeliveryId,
    name::{ChannelName, ProviderName, TenantId},
    provider::{Capabilities, Latch, Provider},
    store::{AddressHash, RecipientKey, Store, StoredEvent, hash_address},
    template::{RenderRequest, Rendered, TemplateError, Templates},
};

pub(crate) use attempted::Attempted;
use content::Content;
pub(crate) use doubt::Doubt;
pub use guarantee::Guarantee;
pub use pause::BreakerSettings;
pub use retry::RetryPolicy;
pub use setup::ChannelSetup;
pub(crate) use setup::{Owner, RouteSettings};
pub(crate) use tried::{Tried, Unsendable};

/// What an address stands for.
pub(crate) struct Resolved {
    pub(crate) hash: AddressHash,
    /// Decides the lane of its owner.
    pub(crate) recipient_key: RecipientKey,
}

/// One try to make.
pub(crate) struct Job {
    pub(crate) id: DeliveryId,
    pub(crate) generation: u32,
    pub(crate) attempt: u32,
    /// How many sends this generation has begun before.
    pub(crate) tries: u32,
    pub(crate) recipient: u32,
    /// Which of its recipient's addresses it goes to.
    pub(crate) address: Option<AddressHash>,
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether a worker died or panicked over it, so that the provider is asked first.
    pub(crate) suspect: bool,
    /// Whether the last try is known to have been cut short by a worker that died.
    pub(crate) interrupted: bool,
    /// When it may have been sent, while nobody knows and as far as it was written down.
    pub(crate) doubt: Option<Doubt>,
    /// Since when a provider may know of it.
    pub(crate) known_since: Timestamp,
    /// When it was claimed.
    pub(crate) claimed_at: Timestamp,
    /// Whether all its tries that count are used up, so that it is only asked for.
    pub(crate) spent: bool,
    /// Whether the provider would recognise a repeat.
    pub(crate) recognised: bool,
    pub(crate) event: Arc<StoredEvent>,
    pub(crate) content: Arc<Content>,
    /// Its recipient, unless the content has all of them in hand.
    pub(crate) own: Option<Recipient>,
    /// What the event tells once only; none when it has nothing of the kind, or nothing any more.
    pub(crate) secret: Option<Value>,
    pub(crate) files: Vec<Attachment>,
    pub(crate) rendering: Option<Bytes>,
    pub(crate) provider: usize,
    /// Whether the provider says when it starts a request.
    pub(crate) reports_start: bool,
    pub(crate) latch: Latch,
    /// The deadline of a shutdown has come.
    pub(crate) cut: Arc<CancellationToken>,
}

impl Job {
    pub(crate) fn recipient(&self) -> Option<&Recipient> {
        let index = usize::try_from(self.recipient).unwrap_or(usize::MAX);
        self.own.as_ref().or_else(|| self.content.to.get(index))
    }

    /// Whether a send may have been caused.
    pub(crate) fn started(&self) -> bool {
        !self.reports_start || self.latch.is_set()
    }
}

/// A channel of unknown type.
#[async_trait]
pub(crate) trait Route: fmt::Debug + Send + Sync {
    fn name(&self) -> &ChannelName;
    fn settings(&self) -> &RouteSettings;
    /// What a message is made of; empty for a channel without templates.
    fn parts(&self) -> &'static [Part];
    fn providers(&self) -> Vec<(ProviderName, Capabilities)>;
    /// Whether a provider can be asked what became of a try.
    fn can_ask(&self) -> bool;
    /// Whether one of its providers sends for this tenant through an account of the tenant's own.
    fn has_account_of(&self, tenant: &TenantId) -> bool;
    /// Providers that only some messages go through.
    fn accounts(&self) -> &[(Owner, Arc<dyn Route>)];
    /// Without the application's `id` of the owner, the address itself decides the lane.
    fn resolve(
        &self,
        address: &str,
        tenant: &TenantId,
        id: Option<&str>,
    ) -> Result<Resolved, AddressError>;
    /// Where somebody is reached who names no address.
    fn address_of(&self, recipient: &Recipient) -> Option<String>;
    fn check_options(&self, tenant: &TenantId, options: Option<&Value>)
    -> Result<(), ComposeError>;
    /// Who sends it, as the suppression list names senders.
    fn sender(&self, tenant: &TenantId, options: Option<&Value>) -> Option<String>;
    fn render(&self, templates: &Templates, view: &View<'_>) -> Result<Rendered, TemplateError>;
    /// Never panics and never fails: what goes wrong is in the answer.
    async fn attempt(
        &self,
        templates: &Templates,
        clock: &dyn Clock,
        store: &dyn Store,
        job: &Job,
    ) -> Attempted;
}

/// What a template may see.
pub(crate) struct View<'a> {
    pub(crate) event: &'a StoredEvent,
    pub(crate) content: &'a Content,
    pub(crate) recipient: &'a Recipient,
    /// Which of its addresses.
    pub(crate) address: Option<AddressHash>,
    pub(crate) secret: Option<&'a Value>,
}

#[derive(Debug)]
struct TypedRoute<C: Channel> {
    name: ChannelName,
    channel: Arc<C>,
    providers: Vec<(ProviderName, Arc<dyn Provider<C>>)>,
    accounts: Vec<(Owner, Arc<dyn Route>)>,
    settings: RouteSettings,
}

#[async_trait]
impl<C: Channel> Route for TypedRoute<C> {
    fn name(&self) -> &ChannelName {
        &self.name
    }

    fn settings(&self) -> &RouteSettings {
        &self.settings
    }

    fn parts(&self) -> &'static [Part] {
        C::PARTS
    }

    fn providers(&self) -> Vec<(ProviderName, Capabilities)> {
        self.providers
            .iter()
            .map(|(name, provider)| (name.clone(), provider.capabilities()))
            .collect()
    }

    fn can_ask(&self) -> bool {
        let mut providers = self.providers.iter();
        providers.any(|(_, provider)| provider.lookup().is_some())
    }

    fn has_account_of(&self, tenant: &TenantId) -> bool {
        let mut providers = self.providers.iter();
        providers.any(|(_, provider)| provider.has_account_of(tenant))
    }

    fn accounts(&self) -> &[(Owner, Arc<dyn Route>)] {
        &self.accounts
    }

    fn resolve(
        &self,
        address: &str,
        tenant: &TenantId,
        id: Option<&str>,
    ) -> Result<Resolved, AddressError> {
        let address = C::Address::parse(address)?;
        let hash = hash_address(&self.name, &address);
        let recipient_key = match id {
            Some(id) => RecipientKey::of(tenant, id),
            None => RecipientKey::of_address(tenant, hash),
        };
        Ok(Resolved {
            hash,
            recipient_key,
        })
    }

    fn address_of(&self, recipient: &Recipient) -> Option<String> {
        self.channel.address_of(recipient)
    }

    fn check_options(
        &self,
        tenant: &TenantId,
        options: Option<&Value>,
    ) -> Result<(), ComposeError> {
        self.channel.check_options(tenant, &self.options(options)?)
    }

    fn sender(&self, tenant: &TenantId, options: Option<&Value>) -> Option<String> {
        self.channel.sender(tenant, &self.options(options).ok()?)
    }

    fn render(&self, templates: &Templates, view: &View<'_>) -> Result<Rendered, TemplateError> {
        let to = self.target(view.recipient, view.address).ok();
        let options = self.options(view.content.options.get(C::NAME)).ok();
        self.render_to(templates, view, to.as_ref().zip(options.as_ref()))
    }

    async fn attempt(
        &self,
        templates: &Templates,
        clock: &dyn Clock,
        store: &dyn Store,
        job: &Job,
    ) -> Attempted {
        let began = clock.monotonic();
        let made = std::panic::catch_unwind(AssertUnwindSafe(|| self.make(templates, job)));
        let making = clock.monotonic().saturating_sub(began);
        let (address, mut made) = match made {
            Ok(Ok(made)) => made,
            Ok(Err((why, detail))) => return Attempted::unsendable(why, detail),
            // The text of a panic may quote what was being rendered.
            Err(_) => return Attempted::unsendable(Unsendable::Render, "a panic".to_owned()),
        };
        if let Err(attempted) = self.check_copies(store, job, &mut made).await {
            return *attempted;
        }
        let Some((name, provider)) = self.providers.get(job.provider) else {
            return Attempted::unsendable(Unsendable::Unreadable, "no such provider".to_owned());
        };
        let mut attempted = self
            .send((name, &**provider), clock, store, job, &address, &made)
            .await;
        if attempted.suppress.is_some() {
            attempted.address = Some(hash_address(&self.name, &address));
        }
        attempted.making = (!made.kept).then_some(making);
        if attempted.tried != Tried::Accepted {
            attempted.rendering = made.keep(job, attempted.doubtful);
        }
        attempted
    }
}

impl<C: Channel> TypedRoute<C> {
    fn render_to(
        &self,
        templates: &Templates,
        view: &View<'_>,
        to: Option<(&C::Address, &C::Options)>,
    ) -> Result<Rendered, TemplateError> {
        if C::PARTS.is_empty() {
            return Ok(Rendered {
                locale: String::new(),
                parts: Parts::default(),
            });
        }
        let wishes: Vec<&str> = [&view.recipient.locale, &view.content.locale]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let content = view.content;
        let unsubscribe_url = to.and_then(|(to, options)| {
            let category = content.category.as_deref();
            let tenant = &view.event.tenant;
            self.channel.unsubscribe_url(tenant, to, category, options)
        });
        let template = content.template.as_deref();
        templates.render(&RenderRequest {
            template: template.unwrap_or(view.event.topic.as_str()),
            locales: &wishes,
            parts: C::PARTS,
            data: &view.content.data,
            recipient: view.recipient,
            secret: view.secret,
            unsubscribe_url: unsubscribe_url.as_deref(),
            event: view.event.id,
            topic: &view.event.topic,
            tenant: &view.event.tenant,
        })
    }
}

/// A preview: what a channel would be given.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The place of the recipient in the event.
    pub recipient: usize,
    /// The channel.
    pub channel: ChannelName,
    /// The locale that was chosen.
    pub locale: String,
    /// The rendered parts.
    pub parts: Parts,
}
