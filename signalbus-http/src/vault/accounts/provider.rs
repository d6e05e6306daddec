use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus_core::{
    Channel, Clock, TenantId,
    clock::SystemClock,
    directory::{Directory, Documents, Kept, NamePage, Owner, ProviderAccount},
    provider::{Capabilities, Delivery, Fault, Found, Lookup, Provider, Question, SendError, Sent},
    store::StoreError,
};

use super::{
    AccountError, OpenedAccount,
    known::{Known, Last, Own, Through, Unusable},
};
use crate::vault::{GuardError, Vault, place_of};

/// Sends the messages of each tenant through the account that it keeps in the directory, and those of the others
/// through a provider for everybody, if there is one.
///
/// The account of a tenant is the first by its name among those on this channel. It is opened when it is needed,
/// and what `make` makes of it is kept as long as the account is the same: each process looks again after
/// [`fresh_for`](Self::fresh_for), so that a new password is used, and an account that was removed is not, from then on. An account
/// that cannot be used holds its tenant's messages until it can: they never go out through somebody else's. Its host
/// passes the guard of the vault before each provider that is made, at least every five minutes.
///
/// In the history every account is called by the one name of this provider. It has accounts of tenants' own for the
/// engine ([`Capabilities::own_accounts`]): what goes wrong in one is nobody else's matter. A rate that the made
/// provider has is not kept.
///
/// ```
/// use std::sync::Arc;
/// use signalbus::{ChannelSetup, channel::Sms, provider::{Console, Provider}};
/// use signalbus_core::directory::MemoryDirectory;
/// use signalbus_http::vault::{AccountError, MasterKey, OpenedAccount, TenantAccounts, Vault};
///
/// let vault = Vault::new(MasterKey::new("2026", [7; 32])?);
/// let make = |account: &OpenedAccount| match account.provider() {
///     // In earnest it is made with `account.secret("token")?`.
///     "console" => Ok(Arc::new(Console::stdout()) as Arc<dyn Provider<Sms>>),
///     _ => Err(AccountError::UnknownProvider),
/// };
/// let texts = TenantAccounts::new("texts", Arc::new(MemoryDirectory::new()), vault, make)
///     .otherwise(Console::stdout());
/// let channel = ChannelSetup::new(Sms::new(), texts);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TenantAccounts<C: Channel> {
    name: String,
    accounts: Documents<ProviderAccount>,
    vault: Vault,
    make: Arc<Make<C>>,
    otherwise: Option<Arc<dyn Provider<C>>>,
    capabilities: Capabilities,
    clock: Arc<dyn Clock>,
    fresh_for: Duration,
    tenants: Mutex<HashMap<TenantId, Arc<Known<C>>>>,
}

type Make<C> = dyn Fn(&OpenedAccount) -> Result<Arc<dyn Provider<C>>, AccountError> + Send + Sync;

/// How long a provider is used before its host is looked up again.
const ADDRESSES_FOR: Duration = Duration::from_secs(300);

/// How many tenants are remembered, those in use aside.
const MOST: usize = 10_000;

/// How many accounts are read at once.
const PAGE: u32 = 100;

impl<C: Channel> TenantAccounts<C> {
    /// Sends through the accounts in this directory, by what `make` makes of each. `make` is called each time that an
    /// account is new, changed or its host was looked up again, and should do nothing but make a provider: it
    /// connects when it sends.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        directory: Arc<dyn Directory>,
        vault: Vault,
        make: impl Fn(&OpenedAccount) -> Result<Arc<dyn Provider<C>>, AccountError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            accounts: Documents::new(directory),
            vault,
            make: Arc::new(make),
            otherwise: None,
            capabilities: Capabilities::default(),
            clock: Arc::new(SystemClock::new()),
            fresh_for: Duration::from_secs(1),
            tenants: Mutex::default(),
        }
    }

    /// Sends the messages of tenants without an account through this one, and takes its capabilities for
    /// all. Without it such messages are refused, and end.
    #[must_use]
    pub fn otherwise(mut self, provider: impl Provider<C>) -> Self {
        self.capabilities = provider.capabilities();
        self.otherwise = Some(Arc::new(provider));
        self
    }

    /// Sets what the engine has to know: how long a send may take, and how many may be in flight for each
    /// account.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Sets for how long what was read of a tenant's accounts is believed: a second by default. So often a tenant that
    /// sends costs one read.
    #[must_use]
    pub fn fresh_for(mut self, time: Duration) -> Self {
        self.fresh_for = time;
        self
    }

    /// Sets what that time is measured on.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Learns which tenants have an account on this channel, so that the engine keeps them apart from their first
    /// message on. Call it before the engine starts; a tenant that comes later is kept apart soon after its first
    /// message.
    ///
    /// # Errors
    /// When the directory does not answer.
    pub async fn load(self) -> Result<Self, StoreError> {
        let mut after = 0;
        loop {
            let page = self.accounts.changed(after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(self);
            };
            after = last.revision;
            for kept in page {
                if let Owner::Tenant(tenant) = &kept.owner
                    && kept.says.channel == C::NAME
                {
                    self.known(tenant).note(true);
                }
            }
        }
    }

    fn known(&self, tenant: &TenantId) -> Arc<Known<C>> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = tenants.get(tenant) {
            return Arc::clone(known);
        }
        if tenants.len() >= MOST {
            tenants.retain(|_, known| Arc::strong_count(known) > 1 || known.has_own());
        }
        Arc::clone(tenants.entry(tenant.clone()).or_default())
    }

    /// What a tenant's messages are sent through now, and since when it is so, where that is known.
    async fn provider_of(&self, tenant: &TenantId) -> Result<Chosen<C>, SendError> {
        let known = self.known(tenant);
        let mut last = known.last.lock().await;
        let now = self.clock.monotonic();
        let is_fresh = |at: Duration| now.saturating_sub(at) < self.fresh_for;
        if !last.looked_at.is_some_and(is_fresh) {
            let kept = self.account_of(tenant).await.map_err(|source| {
                SendError::retryable(Fault::Provider, "the directory of accounts does not answer")
                    .with_source(source)
            })?;
            known.note(kept.is_some());
            self.renew(&mut last, tenant, kept, now).await;
            last.looked_at = Some(now);
        }
        match &last.through {
            Through::Own(own) => match &own.provider {
                Ok(provider) => Ok(Chosen {
                    provider: Arc::clone(provider),
                    since: Some(own.changed_at),
                }),
                Err(unusable) => Err(unusable_now(*unusable)),
            },
            Through::Everybodys => match &self.otherwise {
                Some(provider) => Ok(Chosen {
                    provider: Arc::clone(provider),
                    since: None,
                }),
                None => Err(SendError::permanent(
                    Fault::Message,
                    "the tenant has no account on this channel: put one, and redrive",
                )),
            },
        }
    }

    /// The first account of a tenant on this channel.
    async fn account_of(
        &self,
        tenant: &TenantId,
    ) -> Result<Option<Kept<ProviderAccount>>, StoreError> {
        let owner = Owner::Tenant(tenant.clone());
        let mut page = NamePage::first(PAGE);
        loop {
            let read = self.accounts.list(&owner, page.clone()).await?;
            let last = match read.last() {
                Some(last) if read.len() >= PAGE as usize => Some(last.name.clone()),
                _ => None,
            };
            let mut of_channel = read.into_iter().filter(|kept| kept.says.channel == C::NAME);
            match (of_channel.next(), last) {
                (Some(kept), _) => return Ok(Some(kept)),
                (None, Some(last)) => page.after = Some(last),
                (None, None) => return Ok(None),
            }
        }
    }

    /// Makes a provider of what was read, unless there is one of it.
    async fn renew(
        &self,
        last: &mut Last<C>,
        tenant: &TenantId,
        kept: Option<Kept<ProviderAccount>>,
        now: Duration,
    ) {
        let Some(kept) = kept else {
            last.through = Through::Everybodys;
            return;
        };
        if let Through::Own(own) = &last.through
            && (&own.name, own.revision) == (&kept.name, kept.revision)
            && own.provider.is_ok()
            && (kept.says.host.is_none() || now.saturating_sub(own.made_at) < ADDRESSES_FOR)
        {
            return;
        }
        let before = match &last.through {
            Through::Own(own) => own.provider.as_ref().err().copied(),
            Through::Everybodys => None,
        };
        let provider = self.made_of(tenant, &kept).await;
        if let Err(unusable) = &provider
            && Some(*unusable) != before
        {
            tracing::warn!(
                %tenant, channel = C::NAME, error = %unusable,
                "an account of a tenant cannot be used; its messages wait"
            );
        }
        last.through = Through::Own(Own {
            name: kept.name,
            revision: kept.revision,
            changed_at: kept.changed_at,
            made_at: now,
            provider,
        });
    }

    async fn made_of(
        &self,
        tenant: &TenantId,
        kept: &Kept<ProviderAccount>,
    ) -> Result<Arc<dyn Provider<C>>, Unusable> {
        let account = &kept.says;
        let plain = self
            .vault
            .open(&place_of(tenant, &kept.name), &account.sealed)?;
        let secrets: BTreeMap<String, String> =
            serde_json::from_slice(&plain).map_err(|_| Unusable::Unreadable)?;
        let mut addresses: Vec<SocketAddr> = Vec::new();
        if let Some(host) = &account.host {
            let port = account.port.unwrap_or_default();
            addresses = self.vault.guard().resolve(host, port).await?;
        }
        let opened = OpenedAccount {
            tenant: tenant.clone(),
            name: kept.name.clone(),
            provider: account.provider.clone(),
            host: account.host.clone(),
            port: account.port,
            addresses,
            secrets,
        };
        Ok((self.make)(&opened)?)
    }
}

struct Chosen<C: Channel> {
    provider: Arc<dyn Provider<C>>,
    since: Option<signalbus_core::Timestamp>,
}

/// The messages are kept: somebody has to do something about the account.
fn unusable_now(unusable: Unusable) -> SendError {
    let fault = match unusable {
        Unusable::Host(GuardError::Unresolved) => Fault::Provider,
        _ => Fault::Configuration,
    };
    SendError::retryable(
        fault,
        format!("the tenant's account cannot be used: {unusable}"),
    )
}

#[async_trait]
impl<C: Channel> Provider<C> for TenantAccounts<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.capabilities.clone().reporting_start();
        // Another account would not recognise it.
        capabilities.dedup_window = None;
        capabilities.with_own_accounts()
    }

    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        let chosen = self.provider_of(delivery.tenant).await?;
        if !chosen.provider.capabilities().reports_start {
            delivery.request_started();
        }
        chosen.provider.send(delivery).await
    }

    fn has_account_of(&self, tenant: &TenantId) -> bool {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get(tenant).is_some_and(|known| known.has_own())
    }

    fn lookup(&self) -> Option<&dyn Lookup<C>> {
        Some(self)
    }
}

#[async_trait]
impl<C: Channel> Lookup<C> for TenantAccounts<C> {
    /// Asks the account of now: that it does not know a message says nothing if another one may have sent it.
    async fn find(&self, question: &Question<'_, C>) -> Result<Found, SendError> {
        let cannot_tell = Found::Unclear { ask_again: None };
        let chosen = self.provider_of(question.tenant).await?;
        let Some(lookup) = chosen.provider.lookup() else {
            return Ok(cannot_tell);
        };
        let is_same = chosen.since.is_some_and(|since| since < question.first_at);
        match lookup.find(question).await? {
            Found::NotSent if !is_same => Ok(cannot_tell),
            found => Ok(found),
        }
    }
}

impl<C: Channel> fmt::Debug for TenantAccounts<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantAccounts")
            .field("name", &self.name)
            .field("channel", &C::NAME)
            .field("otherwise", &self.otherwise)
            .finish_non_exhaustive()
    }
}
