use std::{fmt, sync::Arc};

use signalbus_core::{
    Store,
    provider::{Callback, CallbackError, Heard, Report},
    store::StoreError,
};

use crate::{
    Endpoint, InboundHandler,
    receipts::record::{NotRecorded, record},
};

/// Takes what providers call back with: finds the endpoint, verifies, records, and says what to answer.
/// [`ReceiptIntake::router`] puts it into axum; with another framework call [`ReceiptIntake::take`].
#[derive(Clone)]
pub struct ReceiptIntake {
    store: Arc<dyn Store>,
    endpoints: Vec<Arc<Endpoint>>,
    handler: Option<Arc<dyn InboundHandler>>,
    body_limit: usize,
}

/// What to answer a provider with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// The status: 200 when it is recorded for good.
    pub status: u16,
    /// The media type of the body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
}

/// Stops Mailgun; for others it is a refusal like any.
const STOP: u16 = 406;

impl ReceiptIntake {
    /// An intake into this store, without endpoints.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            endpoints: Vec::new(),
            handler: None,
            body_limit: 256 * 1024,
        }
    }

    /// Adds an endpoint: `/receipts/{provider}/{key}`.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(Arc::new(endpoint));
        self
    }

    /// Sets who takes messages that people send to us.
    #[must_use]
    pub fn inbound(mut self, handler: impl InboundHandler) -> Self {
        self.handler = Some(Arc::new(handler));
        self
    }

    /// Sets the most bytes of a request: 256 KiB unless told otherwise.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    pub(crate) fn limit(&self) -> usize {
        self.body_limit
    }

    /// Whether there is such an endpoint. All keys are compared, each in constant time.
    pub(crate) fn find(&self, provider: &str, key: &str) -> Option<&Endpoint> {
        let mut found = None;
        for endpoint in &self.endpoints {
            let is = endpoint.key.is(key) & (endpoint.source.provider().as_str() == provider);
            if is {
                found = Some(&**endpoint);
            }
        }
        found
    }

    /// Takes a request: what it says is recorded for good when the status is 200.
    ///
    /// `provider` and `key` are the parts of its path. Dropped before its end, nothing or all may be
    /// recorded; the provider comes again, and repeating is harmless.
    pub async fn take(&self, provider: &str, key: &str, request: &Callback<'_>) -> Taken {
        let Some(endpoint) = self.find(provider, key) else {
            return Taken::status(404);
        };
        let (taken, result) = if request.body.len() > self.body_limit {
            (Taken::status(413), "too_large")
        } else {
            match self.judge(endpoint, request).await {
                Ok(taken) => (taken, "recorded"),
                Err(NotTaken::Refused(error)) => (Taken::status(status_of(&error)), error.as_str()),
                Err(NotTaken::NotRecorded(error)) => {
                    tracing::warn!(
                        provider = endpoint.source.provider().as_str(),
                        error = &error as &dyn std::error::Error,
                        "a receipt was not recorded; the provider is asked to come again"
                    );
                    (Taken::status(503), "not_recorded")
                }
            }
        };
        let provider = endpoint.source.provider().as_str().to_owned();
        tracing::debug!(provider, result, "callback");
        metrics::counter!("signalbus_callbacks_total", "provider" => provider, "result" => result)
            .increment(1);
        taken
    }

    /// Records what a provider was asked for, such as the receipts that never came (those that
    /// `Mailgun::missed_receipts` finds): in one call of the store, as if the provider had called with them.
    /// What was recorded before is recognised. Nothing is verified, as nobody called.
    ///
    /// # Errors
    /// When there is no endpoint of this provider, or nothing was recorded; to repeat it is harmless.
    pub async fn repair(&self, provider: &str, reports: Vec<Report>) -> Result<(), RepairError> {
        let is_it = |endpoint: &&Arc<Endpoint>| endpoint.source.provider().as_str() == provider;
        let mut endpoints = self.endpoints.iter().filter(is_it);
        let endpoint = endpoints.next().ok_or(RepairError::NoEndpoint)?;
        let heard = Heard::reports(reports);
        match record(&*self.store, endpoint, &heard).await {
            Ok(()) => Ok(()),
            Err(NotRecorded::Store(error)) => Err(RepairError::Store(error)),
            // There is no inbound message in it.
            Err(NotRecorded::Handler(_)) => Ok(()),
        }
    }

    async fn judge(&self, endpoint: &Endpoint, request: &Callback<'_>) -> Result<Taken, NotTaken> {
        let heard = endpoint
            .source
            .read(request)
            .await
            .map_err(NotTaken::Refused)?;
        record(&*self.store, endpoint, &heard)
            .await
            .map_err(NotTaken::NotRecorded)?;
        if let (Some(inbound), Some(handler)) = (&heard.inbound, &self.handler) {
            handler
                .take(endpoint.receiver_of(inbound), inbound)
                .await
                .map_err(|error| NotTaken::NotRecorded(NotRecorded::Handler(error)))?;
        }
        endpoint.source.recorded(request).await;
        let mut taken = Taken::status(200);
        if let Some((content_type, body)) = endpoint.source.reply(&heard) {
            taken.content_type = Some(content_type);
            taken.body = body;
        }
        Ok(taken)
    }
}

/// Why receipts were not repaired.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The intake knows no endpoint of this provider: add one, under the name of the provider.
    #[error("there is no endpoint of this provider")]
    NoEndpoint,
    /// The store did not take them: repeat it.
    #[error("the store did not take the receipts")]
    Store(#[source] StoreError),
}

enum NotTaken {
    Refused(CallbackError),
    NotRecorded(NotRecorded),
}

/// Whether the provider should come again is what these say: with 401 it does, so that a wrong key that is
/// set right in time loses nothing; with [`STOP`] it need not.
fn status_of(error: &CallbackError) -> u16 {
    match error {
        CallbackError::Forged => 401,
        CallbackError::Unavailable(_) => 503,
        _ => STOP,
    }
}

impl Taken {
    fn status(status: u16) -> Self {
        Self {
            status,
            content_type: None,
            body: String::new(),
        }
    }
}

impl fmt::Debug for ReceiptIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiptIntake")
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
