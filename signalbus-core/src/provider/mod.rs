//! Providers: what sends messages of a channel.

mod callback;
mod capabilities;
mod delivery;
mod error;
mod latch;
mod lookup;

pub use callback::{Callback, CallbackError, Heard, Inbound, Intent, ReceiptSource, Report};
pub use capabilities::{Capabilities, Rate};
pub use delivery::{Delivery, parse_reference, reference};
pub use error::{Fault, Outcome, SendError};
pub use latch::Latch;
pub use lookup::{Found, Lookup, Question};

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{channel::Channel, name::TenantId};

/// Sends messages of channel `C`.
///
/// For the caller: one configured account or server; give each its own name.
///
/// For the implementer: [`Provider::send`] makes one try. It does not retry, wait for a rate
/// limit, or look at a clock for a timeout: the engine does. It may be called from many tasks at
/// once, and its future may be dropped at any await. An `impl` of it has `#[async_trait]` above it, which every crate
/// with this trait re-exports: `use signalbus::async_trait`.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not send messages of channel `{C}`",
    note = "register it with the channel it implements `Provider` for"
)]
pub trait Provider<C: Channel>: Debug + Send + Sync + 'static {
    /// The name in history, logs and metrics: at most 64 characters of a-z, 0-9, `.`, `_`, `-`.
    fn name(&self) -> &str;

    /// What the engine has to know to use it well.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Tries once to send.
    ///
    /// To be correct it must:
    /// - call [`Delivery::request_started`] right before the first byte that could cause a send,
    ///   if its capabilities say that it does ([`Capabilities::reporting_start`]): a timeout or
    ///   panic before the call means "not sent" and is tried again;
    /// - answer `Ok` only when the provider took the message;
    /// - answer [`SendError::unknown`] when the request left and no answer came;
    /// - put neither address, content nor secret into the error.
    ///
    /// # Errors
    /// Says whether it is worth another try and whose fault it was; see [`SendError`].
    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError>;

    /// Whether it sends for this tenant through an account of the tenant's own, as far as it knows by now.
    /// Asked only of those that say [`Capabilities::own_accounts`]; it must answer at once. The
    /// engine gives such a tenant a breaker, a pace and a retry budget of its own, and takes nothing that happens
    /// there for a sign of how the provider does for others.
    fn has_account_of(&self, tenant: &TenantId) -> bool {
        let _ = tenant;
        false
    }

    /// The ability to ask whether an earlier try was sent, for providers that have it.
    fn lookup(&self) -> Option<&dyn Lookup<C>> {
        None
    }
}

/// The provider took the message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    id: Option<String>,
}

impl Sent {
    /// Taken, without an id.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Taken; the provider calls it this. Receipts are matched by it.
    #[must_use]
    pub fn with_id(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()),
        }
    }

    /// The provider's id of the message.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}
