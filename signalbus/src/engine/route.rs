//! A channel with its providers, behind one object-safe face.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc, task::Poll, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    chain::{Chain, Sources},
    channel::{Address, AddressError, Channel, Compose, ComposeError, Parts},
    clock::{Clock, Timestamp},
    engine::{
        BreakerSettings,
        content::{Content, Rendering},
        decide::{Guarantee, Tried, Unsendable},
        retry::RetryPolicy,
    },
    event::Recipient,
    id::DeliveryId,
    mutant::Mutant,
    name::{ChannelName, ProviderName, TenantId},
    provider::{Capabilities, Delivery, Fault, Found, Latch, Outcome, Provider, SendError, Sent},
    store::{AddressHash, LaneKey, StoredEvent, hash_address},
    template::{RenderRequest, Rendered, TemplateError, Templates},
    text::without_value,
};

/// A channel, its providers in order of preference, and how it treats failure.
#[derive(Debug)]
pub struct ChannelSetup<C: Channel> {
    channel: C,
    providers: Vec<Arc<dyn Provider<C>>>,
    settings: RouteSettings,
}

/// How a channel treats failure.
#[derive(Debug, Clone, Default)]
pub(crate) struct RouteSettings {
    pub(crate) retry: RetryPolicy,
    pub(crate) guarantee: Guarantee,
    pub(crate) breaker: BreakerSettings,
}

impl<C: Channel> ChannelSetup<C> {
    /// A channel and the provider that is tried first.
    pub fn new(channel: C, provider: impl Provider<C>) -> Self {
        Self {
            channel,
            providers: vec![Arc::new(provider)],
            settings: RouteSettings::default(),
        }
    }

    /// Adds a provider that is used while those before it are paused.
    #[must_use]
    pub fn failover(mut self, provider: impl Provider<C>) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Sets when deliveries are tried again.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.settings.retry = policy;
        self
    }

    /// Sets what follows an unknown outcome.
    #[must_use]
    pub fn guarantee(mut self, guarantee: Guarantee) -> Self {
        self.settings.guarantee = guarantee;
        self
    }

    /// Sets when a failing provider is left alone.
    #[must_use]
    pub fn breaker(mut self, settings: BreakerSettings) -> Self {
        self.settings.breaker = settings;
        self
    }

    pub(crate) fn erase(self) -> Result<Arc<dyn Route>, crate::name::NameError> {
        let name = ChannelName::new(C::NAME)?;
        let providers = self
            .providers
            .into_iter()
            .map(|provider| Ok((ProviderName::new(provider.name())?, provider)))
            .collect::<Result<_, _>>()?;
        Ok(Arc::new(TypedRoute {
            name,
            channel: self.channel,
            providers,
            settings: self.settings,
        }))
    }
}

/// What an address stands for.
pub(crate) struct Resolved {
    pub(crate) hash: AddressHash,
    /// Decides the lane of its owner.
    pub(crate) lane_key: LaneKey,
}

/// One try to make.
pub(crate) struct Job {
    pub(crate) id: DeliveryId,
    pub(crate) generation: u32,
    pub(crate) attempt: u32,
    pub(crate) recipient: u32,
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether a worker died or panicked over it, so that the provider is asked first.
    pub(crate) suspect: bool,
    /// Whether the last try is known to have been cut short by a worker that died.
    pub(crate) interrupted: bool,
    /// Whether the provider would recognise a repeat.
    pub(crate) recognised: bool,
    pub(crate) event: Arc<StoredEvent>,
    pub(crate) content: Arc<Content>,
    pub(crate) rendering: Option<Bytes>,
    pub(crate) provider: usize,
    /// Whether the provider says when it starts a request.
    pub(crate) reports_start: bool,
    pub(crate) latch: Latch,
    /// The deadline of a shutdown has come.
    pub(crate) cut: Arc<CancellationToken>,
}

impl Job {
    /// Whether a send may have been caused.
    pub(crate) fn started(&self) -> bool {
        !self.reports_start || self.latch.is_set()
    }
}

/// What came of a try.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) tried: Tried,
    pub(crate) message_id: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) suppress: bool,
    /// The address, for the suppression list.
    pub(crate) address: Option<AddressHash>,
    /// The message, to keep if the delivery is not done.
    pub(crate) rendering: Option<Bytes>,
    /// How long the provider was busy with it; none when it was not asked to send.
    pub(crate) sending: Option<Duration>,
    /// Whether it may have sent again what an earlier try had sent.
    pub(crate) repeats: bool,
    /// Whether some try of this generation may have been sent.
    doubtful: bool,
}

/// A channel of unknown type.
#[async_trait]
pub(crate) trait Route: fmt::Debug + Send + Sync {
    fn name(&self) -> &ChannelName;
    fn settings(&self) -> &RouteSettings;
    fn providers(&self) -> Vec<(ProviderName, Capabilities)>;
    /// Without the application's `id` of the owner, the address itself decides the lane.
    fn resolve(
        &self,
        address: &str,
        tenant: &TenantId,
        id: Option<&str>,
    ) -> Result<Resolved, AddressError>;
    fn check_options(&self, options: Option<&Value>) -> Result<(), ComposeError>;
    fn render(&self, templates: &Templates, view: &View<'_>) -> Result<Rendered, TemplateError>;
    /// Never panics and never fails: what goes wrong is in the answer.
    async fn attempt(&self, templates: &Templates, clock: &dyn Clock, job: &Job) -> Attempted;
}

/// What a template may see.
pub(crate) struct View<'a> {
    pub(crate) event: &'a StoredEvent,
    pub(crate) content: &'a Content,
    pub(crate) recipient: &'a Recipient,
}

#[derive(Debug)]
struct TypedRoute<C: Channel> {
    name: ChannelName,
    channel: C,
    providers: Vec<(ProviderName, Arc<dyn Provider<C>>)>,
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

    fn providers(&self) -> Vec<(ProviderName, Capabilities)> {
        self.providers
            .iter()
            .map(|(name, provider)| (name.clone(), provider.capabilities()))
            .collect()
    }

    fn resolve(
        &self,
        address: &str,
        tenant: &TenantId,
        id: Option<&str>,
    ) -> Result<Resolved, AddressError> {
        let address = C::Address::parse(address)?;
        Ok(Resolved {
            hash: hash_address(&self.name, &address),
            lane_key: LaneKey::of(tenant, id.unwrap_or_else(|| address.as_str())),
        })
    }

    fn check_options(&self, options: Option<&Value>) -> Result<(), ComposeError> {
        self.channel.check_options(&self.options(options)?)
    }

    fn render(&self, templates: &Templates, view: &View<'_>) -> Result<Rendered, TemplateError> {
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
        templates.render(&RenderRequest {
            template: view
                .content
                .template
                .as_deref()
                .unwrap_or(view.event.topic.as_str()),
            locales: &wishes,
            parts: C::PARTS,
            data: &view.content.data,
            recipient: view.recipient,
            event: view.event.id,
            topic: &view.event.topic,
            tenant: &view.event.tenant,
        })
    }

    async fn attempt(&self, templates: &Templates, clock: &dyn Clock, job: &Job) -> Attempted {
        let made = std::panic::catch_unwind(AssertUnwindSafe(|| self.make(templates, job)));
        let (address, made) = match made {
            Ok(Ok(made)) => made,
            Ok(Err((why, detail))) => return Attempted::unsendable(why, detail),
            // The text of a panic may quote what was being rendered.
            Err(_) => return Attempted::unsendable(Unsendable::Render, "a panic".to_owned()),
        };
        let Some((_, provider)) = self.providers.get(job.provider) else {
            return Attempted::unsendable(Unsendable::Unreadable, "no such provider".to_owned());
        };
        let mut attempted = self.send(&**provider, clock, job, &address, &made).await;
        if attempted.suppress {
            attempted.address = Some(hash_address(&self.name, &address));
        }
        if attempted.tried != Tried::Accepted {
            attempted.rendering = made.keep(job, attempted.doubtful);
        }
        attempted
    }
}

/// Why no message could be made, and what was said about it.
type Failure = (Unsendable, String);

/// A message to send.
struct Made<M> {
    rendering: Rendering<M>,
    /// Whether it is as an earlier try left it.
    kept: bool,
}

impl<M: Serialize> Made<M> {
    fn is_doubtful(&self, job: &Job) -> bool {
        self.rendering.doubt == Some(job.generation)
    }

    /// The blob for the next try. A message that cannot be serialized is rendered again.
    fn keep(mut self, job: &Job, doubtful: bool) -> Option<Bytes> {
        let doubt = doubtful.then_some(job.generation);
        if self.kept && self.rendering.doubt == doubt {
            return job.rendering.clone();
        }
        self.rendering.doubt = doubt;
        self.rendering.encode().ok()
    }
}

impl<C: Channel> TypedRoute<C> {
    fn options(&self, options: Option<&Value>) -> Result<C::Options, ComposeError> {
        match options {
            None => Ok(C::Options::default()),
            Some(options) => serde::Deserialize::deserialize(options).map_err(|error| {
                let problem = without_value(&error);
                ComposeError::new(format!("options for {}: {problem}", self.name))
            }),
        }
    }

    /// The message: the kept one, or made from the templates.
    fn make(
        &self,
        templates: &Templates,
        job: &Job,
    ) -> Result<(C::Address, Made<C::Message>), Failure> {
        let fail = |why, error: &dyn fmt::Display| (why, error.to_string());
        let index = usize::try_from(job.recipient).unwrap_or(usize::MAX);
        let recipient = job
            .content
            .to
            .get(index)
            .ok_or_else(|| fail(Unsendable::Unreadable, &"the event has no such recipient"))?;
        let address = recipient.addresses.get(C::NAME).ok_or_else(|| {
            fail(
                Unsendable::Unreadable,
                &"the recipient has no address on this channel",
            )
        })?;
        let to = C::Address::parse(address).map_err(|error| fail(Unsendable::Address, &error))?;
        if let Some(made) = self.kept(job) {
            return Ok((to, made));
        }
        let view = View {
            event: &job.event,
            content: &job.content,
            recipient,
        };
        let rendered = self
            .render(templates, &view)
            .map_err(|error| fail(Unsendable::Render, &Chain(&error)))?;
        let options = self
            .options(job.content.options.get(C::NAME))
            .map_err(|error| fail(Unsendable::Compose, &error))?;
        let message = self
            .channel
            .compose(Compose {
                delivery: job.id,
                tenant: &job.event.tenant,
                accepted_at: job.event.accepted_at,
                to: &to,
                recipient,
                locale: &rendered.locale,
                topic: &job.event.topic,
                data: &job.content.data,
                parts: &rendered.parts,
                options: &options,
                attachments: &job.event.attachments,
            })
            .map_err(|error| fail(Unsendable::Compose, &error))?;
        let rendering = Rendering {
            v: C::MESSAGE_VERSION,
            locale: rendered.locale,
            doubt: None,
            message,
        };
        let kept = false;
        Ok((to, Made { rendering, kept }))
    }

    /// The message of an earlier try, unless it is of another version.
    fn kept(&self, job: &Job) -> Option<Made<C::Message>> {
        let blob = job.rendering.as_deref()?;
        let mut rendering = Rendering::<C::Message>::decode(blob, C::MESSAGE_VERSION)?;
        self.channel
            .attach(&mut rendering.message, &job.event.attachments);
        let kept = true;
        Some(Made { rendering, kept })
    }

    async fn send(
        &self,
        provider: &dyn Provider<C>,
        clock: &dyn Clock,
        job: &Job,
        to: &C::Address,
        made: &Made<C::Message>,
    ) -> Attempted {
        let timeout = provider.capabilities().timeout;
        let told = made.is_doubtful(job);
        // That one provider does not have it says nothing of another.
        let speaks_for_all = self.providers.len() == 1;
        let mut doubtful = told || self.may_be_interrupted(provider, job, made);
        if doubtful || job.suspect {
            match self.look_up(provider, clock, job, timeout).await {
                Some(Found::Sent(sent)) => return Attempted::accepted(&sent),
                Some(Found::NotSent) if speaks_for_all => doubtful = false,
                Some(Found::NotSent) | None => {}
            }
        }
        let repeats = doubtful && !job.recognised;
        if repeats && self.settings.guarantee == Guarantee::AtMostOnce {
            let forgotten =
                "an earlier try may have been sent, and a repeat would not be recognised";
            return Attempted {
                doubtful,
                ..Attempted::failed(&SendError::unknown(forgotten))
            };
        }
        let delivery = Delivery {
            id: job.id,
            event: job.event.id,
            tenant: &job.event.tenant,
            generation: job.generation,
            attempt: job.attempt,
            to,
            message: &made.rendering.message,
            expires_at: job.expires_at,
            trace: job.content.trace.as_ref(),
            latch: &job.latch,
        };
        let began = clock.monotonic();
        let attempted = self.ask(provider, clock, delivery, timeout, job).await;
        let sending = Some(clock.monotonic().saturating_sub(began));
        // What a dead worker left behind was counted when it was found.
        let repeats = repeats && told && job.started();
        let found = if attempted.tried.is_unknown() {
            self.look_up(provider, clock, job, timeout).await
        } else {
            None
        };
        let attempted = match found {
            Some(Found::Sent(sent)) => Attempted::accepted(&sent),
            Some(Found::NotSent) => Attempted {
                tried: Tried::Failed {
                    outcome: Outcome::Retryable,
                    fault: Fault::Provider,
                    retry_after: None,
                },
                doubtful: doubtful && !speaks_for_all,
                ..attempted
            },
            None => Attempted {
                doubtful: doubtful || attempted.tried.is_unknown(),
                ..attempted
            },
        };
        Attempted {
            sending,
            repeats,
            ..attempted
        }
    }

    /// Whether a worker that died may have sent it, which its rendering cannot say. A panic leaves
    /// a suspect too, with a rendering that says whether it was sent; where a second message must
    /// not go out, a suspect counts as sent as long as a crash may have left it.
    fn may_be_interrupted(
        &self,
        provider: &dyn Provider<C>,
        job: &Job,
        made: &Made<C::Message>,
    ) -> bool {
        let recognises = provider.capabilities().dedup_window.is_some();
        let strict = self.settings.guarantee == Guarantee::AtMostOnce && recognises;
        job.interrupted || (job.suspect && (!made.kept || strict))
    }

    /// Hands a message to the provider and waits for its answer.
    async fn ask(
        &self,
        provider: &dyn Provider<C>,
        clock: &dyn Clock,
        delivery: Delivery<'_, C>,
        timeout: Duration,
        job: &Job,
    ) -> Attempted {
        let send = AssertUnwindSafe(async { provider.send(delivery).await }).catch_unwind();
        tokio::pin!(send);
        // Most fakes and some providers answer at once: then no timer is needed.
        let answered = match futures::poll!(&mut send) {
            Poll::Ready(answered) => Some(answered),
            Poll::Pending => tokio::select! {
                biased;
                answered = &mut send => Some(answered),
                () = job.cut.cancelled() => return Attempted::cut_short(job.started()),
                () = clock.sleep(timeout) => None,
            },
        };
        match answered {
            Some(Ok(Ok(sent))) => Attempted::accepted(&sent),
            Some(Ok(Err(error))) => Attempted::failed(&error),
            Some(Err(_)) => Attempted::panicked(job.started()),
            None => {
                let after = format!("no answer within {timeout:?}");
                Attempted::failed(&if job.started() {
                    SendError::unknown(after)
                } else {
                    SendError::retryable(Fault::Provider, after)
                })
            }
        }
    }

    /// Asks the provider, if it can be asked and answers in time.
    async fn look_up(
        &self,
        provider: &dyn Provider<C>,
        clock: &dyn Clock,
        job: &Job,
        timeout: Duration,
    ) -> Option<Found> {
        let lookup = provider.lookup()?;
        let reference = crate::provider::reference(job.id, job.generation);
        tokio::select! {
            biased;
            found = AssertUnwindSafe(lookup.find(&reference)).catch_unwind() => found.ok()?.ok(),
            () = job.cut.cancelled() => None,
            () = clock.sleep(timeout) => None,
        }
    }
}

impl Attempted {
    fn of(tried: Tried, detail: String) -> Self {
        Self {
            tried,
            message_id: None,
            code: None,
            detail: Some(detail),
            suppress: false,
            address: None,
            rendering: None,
            sending: None,
            repeats: false,
            doubtful: false,
        }
    }

    pub(crate) fn unsendable(why: Unsendable, detail: String) -> Self {
        Self::of(Tried::Unsendable(why), detail)
    }

    pub(crate) fn returned(wait: Duration, detail: &str) -> Self {
        Self::of(Tried::Returned { wait }, detail.to_owned())
    }

    /// The text of a panic is not kept: it may quote an address or the message.
    pub(crate) fn panicked(started: bool) -> Self {
        Self::of(
            Tried::Panicked { started },
            "the provider panicked".to_owned(),
        )
    }

    /// A send that this worker cut short.
    pub(crate) fn cut_short(unknown: bool) -> Self {
        let detail = "the worker left before an answer came";
        if unknown {
            Self::failed(&SendError::unknown(detail))
        } else {
            Self::returned(Duration::ZERO, detail)
        }
    }

    fn accepted(sent: &Sent) -> Self {
        Self {
            detail: None,
            message_id: sent.id().filter(|id| is_id(id)).map(str::to_owned),
            ..Self::of(Tried::Accepted, String::new())
        }
    }

    fn failed(error: &SendError) -> Self {
        let tried = Tried::Failed {
            outcome: error.outcome(),
            fault: error.fault(),
            retry_after: error
                .retry_after()
                .filter(|_| !Mutant::RetryAfterIgnored.is_active()),
        };
        // The code is kept beside it.
        let detail = format!("{}{}", error.message(), Sources(error));
        Self {
            code: error.code().map(str::to_owned),
            suppress: error.suppresses(),
            ..Self::of(tried, detail)
        }
    }
}

/// Whether the id that a provider gave can be kept: what it calls a message is not ours to trust.
fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && !id.contains(char::is_control)
}

/// The longest id of a message that is kept.
const LONGEST_ID: usize = 512;

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
