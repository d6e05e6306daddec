use std::fmt;

use async_trait::async_trait;
use signalbus_core::{TenantId, provider::Inbound};

/// Takes messages that people send to us.
#[async_trait]
pub trait InboundHandler: fmt::Debug + Send + Sync + 'static {
    /// A message came in, for this tenant. What it means for the suppression list is recorded already. It
    /// may come again: it is the same when [`Inbound::id`] is.
    ///
    /// # Errors
    /// When it was not kept: the provider is asked to come again.
    async fn take(
        &self,
        tenant: &TenantId,
        inbound: &Inbound,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}
