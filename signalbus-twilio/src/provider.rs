use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use signalbus_core::{
    channel::Sms,
    name::ProviderName,
    provider::{Capabilities, Delivery, Fault, Lookup, Provider, Rate, SendError, Sent},
    store::Scope,
};
use signalbus_http_client::HttpClient;
use url::Url;

use crate::{
    TwilioConfig, TwilioError, auth::Signer, budget::Budget, lookup::Taken, pool::Kind, request,
    response,
};

/// Sends texts through Twilio.
///
/// A text is accepted when Twilio has queued it; what becomes of it, receipts tell
/// ([`TwilioReceipts`](crate::TwilioReceipts)). Clones share connections.
///
/// ```
/// use signalbus_twilio::Twilio;
///
/// let provider =
///     Twilio::from_url("twilio://AC00000000000000000000000000000001:token@+15005550006")?;
/// # Ok::<_, signalbus_twilio::TwilioError>(())
/// ```
#[derive(Clone)]
pub struct Twilio(Arc<Inner>);

struct Inner {
    name: ProviderName,
    config: TwilioConfig,
    http: HttpClient,
    signer: Signer,
    budget: Budget,
    taken: Taken,
    only_sender: bool,
    /// Where Twilio says what became of a message.
    told: Option<Url>,
}

/// What the engine waits longer than the client, so that the client's better answer counts.
const MARGIN: Duration = Duration::from_secs(5);

impl Twilio {
    /// A provider of this configuration.
    ///
    /// # Errors
    /// When the name or the URL for receipts cannot be used, there is no sender, or the HTTP client cannot be
    /// made.
    pub fn new(config: TwilioConfig) -> Result<Self, TwilioError> {
        if !config.pools.is_usable() {
            return Err(TwilioError::NoSender);
        }
        let name = ProviderName::new(&config.name).map_err(TwilioError::Name)?;
        let http = HttpClient::new(config.http.clone()).map_err(TwilioError::Http)?;
        let signer = Signer::new(
            config.auth.clone(),
            config.account.clone(),
            config.oauth.clone(),
        );
        let only_sender = {
            let mut senders = config.pools.all().map(|sender| &sender.kind);
            let first = senders.next();
            senders.all(|sender| Some(sender) == first)
        };
        let told = config.status_callback.as_deref().map(Url::parse);
        let told = told.transpose().map_err(|_| TwilioError::StatusCallback)?;
        Ok(Self(Arc::new(Inner {
            name,
            told,
            http,
            signer,
            budget: Budget::default(),
            taken: Taken::default(),
            only_sender,
            config,
        })))
    }

    /// The provider of a URL such as `twilio://ACCOUNT_SID:AUTH_TOKEN@SENDER`; see
    /// [`TwilioConfig::from_url`].
    ///
    /// # Errors
    /// When the URL has another form, or as [`Twilio::new`].
    pub fn from_url(url: &str) -> Result<Self, TwilioError> {
        Self::new(TwilioConfig::from_url(url)?)
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.0.http
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.0.signer
    }

    pub(crate) fn config(&self) -> &TwilioConfig {
        &self.0.config
    }

    pub(crate) fn taken(&self) -> &Taken {
        &self.0.taken
    }

    /// What somebody opts out of who opts out of this sender.
    fn scope(&self, from: &Kind) -> Scope {
        match from {
            _ if self.0.only_sender => Scope::default(),
            Kind::From(sender) | Kind::Service(sender) => Scope::sender(sender),
        }
    }

    /// Whom a text is from: as it says itself, or from the pool for its tenant and number.
    fn sender(&self, delivery: &Delivery<'_, Sms>) -> Result<Kind, SendError> {
        if let Some(sender) = &delivery.message.sender {
            return Ok(Kind::From(sender.clone()));
        }
        let Inner { config, budget, .. } = &*self.0;
        let senders = config.pools.senders(delivery.tenant, delivery.to);
        let now = self.http().clock().monotonic();
        let segments = delivery.message.segments.max(1);
        budget
            .pick(senders, delivery.to, segments, now)
            .map(|sender| sender.kind.clone())
            .ok_or_else(|| {
                let message = "no pool of senders is for this tenant and country";
                SendError::permanent(Fault::Message, message)
            })
    }
}

#[async_trait]
impl Provider<Sms> for Twilio {
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    /// The rate is that of all senders together, if each has one.
    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::default()
            .with_timeout(self.0.http.answer_within() + MARGIN)
            .reporting_start();
        let mut senders: Vec<_> = self.0.config.pools.all().collect();
        senders.sort_unstable_by(|a, b| a.kind.cmp(&b.kind));
        senders.dedup_by(|a, b| a.kind == b.kind);
        let rates = senders.iter().map(|sender| sender.segments_a_second);
        let rates: Option<Vec<u32>> = rates.map(|rate| rate.map(NonZeroU32::get)).collect();
        match rates.map(|rates| rates.into_iter().fold(0, u32::saturating_add)) {
            Some(rate) if rate > 0 => capabilities.with_rate(Rate::per_second(rate)),
            _ => capabilities,
        }
    }

    async fn send(&self, delivery: Delivery<'_, Sms>) -> Result<Sent, SendError> {
        let Inner {
            config,
            http,
            signer,
            taken,
            told,
            ..
        } = &*self.0;
        let from = self.sender(&delivery)?;
        let now = http.clock().now();
        let mut renewed = false;
        loop {
            let request = request::send(&delivery, &from, config, told.as_ref(), now);
            let request = signer.sign(http, request).await?;
            let answer = http.send(request, delivery.latch()).await?;
            // A token that has ended: nothing was processed, and there may be another.
            if answer.status() == 401 && !renewed && signer.refused().await {
                renewed = true;
                continue;
            }
            let result = response::of(&answer, http.clock().now(), self.scope(&from));
            if let Ok(sent) = &result {
                taken.note(&delivery.reference(), sent.id());
            }
            return result;
        }
    }

    fn lookup(&self) -> Option<&dyn Lookup<Sms>> {
        self.0.config.look_up.then_some(self)
    }
}

impl fmt::Debug for Twilio {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio")
            .field("name", &self.0.name)
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
