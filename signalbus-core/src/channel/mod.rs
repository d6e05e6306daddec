//! Channels: kinds of message.

mod address;
#[cfg(feature = "email")]
pub mod email;
mod leaving;
mod on;
mod part;
#[cfg(feature = "sms")]
pub mod sms;

pub use address::{Address, AddressError};
#[cfg(feature = "email")]
pub use email::Email;
pub use leaving::Leaving;
pub use part::{Part, PartKind, Parts};
#[cfg(feature = "sms")]
pub use sms::Sms;

use std::fmt::Debug;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    event::{Attachment, Recipient},
    id::DeliveryId,
    name::{TenantId, Topic},
};

/// A kind of message: what its address, its template parts and its finished form are.
///
/// For the caller of the library a channel is a value with the settings all its messages share
/// (the sender, say). For its author it is pure: it parses, composes and never does I/O.
/// [`Provider`](crate::provider::Provider)s do the sending, and a provider for another channel
/// does not compile.
pub trait Channel: Debug + Clone + Send + Sync + 'static {
    /// The persisted name: never change it. At most 32 characters of a-z, 0-9, `.`, `_`, `-`.
    const NAME: &'static str;
    /// The version of [`Channel::Message`] as serialized. A stored message of another version is
    /// composed afresh.
    const MESSAGE_VERSION: u16;
    /// The template parts a message is made of; empty for a channel that uses no templates.
    const PARTS: &'static [Part];

    /// Where a message goes.
    type Address: Address;
    /// What an event may say beside its data, as `event.options[NAME]`: extra headers, say.
    type Options: Serialize + DeserializeOwned + Default + Send + Sync;
    /// The finished message as providers take it. Kept with a delivery that is retried.
    type Message: Serialize + DeserializeOwned + Send + Sync;

    /// Checks options of a tenant's event at publish, so that bad ones never wait in the store.
    ///
    /// # Errors
    /// Says what is wrong with them.
    fn check_options(
        &self,
        tenant: &TenantId,
        options: &Self::Options,
    ) -> Result<(), ComposeError> {
        let _ = (tenant, options);
        Ok(())
    }

    /// Where somebody is reached who names no address on this channel: one whose addresses are the
    /// application's own ids takes it from there. None by default.
    fn address_of(&self, recipient: &Recipient) -> Option<String> {
        let _ = recipient;
        None
    }

    /// The link by which this recipient leaves the category of the message; templates see it as
    /// `unsubscribe_url`. None by default.
    fn unsubscribe_url(
        &self,
        tenant: &TenantId,
        to: &Self::Address,
        category: Option<&str>,
        options: &Self::Options,
    ) -> Option<String> {
        let _ = (tenant, to, category, options);
        None
    }

    /// Who sends a tenant's message with these options, as [`Scope::sender`](crate::store::Scope) names it:
    /// where recipients opt out of one sender, a suppression for it binds only its messages. None
    /// where that is not known at publish.
    fn sender(&self, tenant: &TenantId, options: &Self::Options) -> Option<String> {
        let _ = (tenant, options);
        None
    }

    /// Makes the message of one delivery. Pure: the same input gives the same message.
    ///
    /// # Errors
    /// A message that can never be sent: it is dead at once, with this as its reason.
    fn compose(&self, input: Compose<'_, Self>) -> Result<Self::Message, ComposeError>;

    /// Who gets this message beside the one it is for, each once. Before every try the engine asks the
    /// suppression list about them. Nobody unless a channel knows copies.
    fn copies(&self, message: &Self::Message) -> Vec<Self::Address> {
        let _ = message;
        Vec::new()
    }

    /// Takes those copies out of a message that `keep` does not want. A channel with
    /// [`copies`](Channel::copies) must do so.
    fn retain_copies(&self, message: &mut Self::Message, keep: &dyn Fn(&Self::Address) -> bool) {
        let _ = (message, keep);
    }

    /// Puts the event's attachments back into a message that was stored without them.
    fn attach(&self, message: &mut Self::Message, attachments: &[Attachment]) {
        let _ = (message, attachments);
    }
}

/// What a message is made from.
#[derive(Debug)]
pub struct Compose<'a, C: Channel> {
    /// The delivery; stable over retries.
    pub delivery: DeliveryId,
    /// Whose event it is.
    pub tenant: &'a TenantId,
    /// When the event was accepted.
    pub accepted_at: Timestamp,
    /// Where the message goes.
    pub to: &'a C::Address,
    /// Whom it is for.
    pub recipient: &'a Recipient,
    /// The locale the parts were rendered in.
    pub locale: &'a str,
    /// What the event is about.
    pub topic: &'a Topic,
    /// The category of the message, as [`Scope::category`](crate::store::Scope::category) names it.
    pub category: Option<&'a str>,
    /// The event's data, for channels that send it as it is.
    pub data: &'a Value,
    /// The rendered template parts; none for a channel without [`Channel::PARTS`].
    pub parts: &'a Parts,
    /// What the event said beside its data.
    pub options: &'a C::Options,
    /// The event's files.
    pub attachments: &'a [Attachment],
}

/// A message that can never be sent. Shows no content: name the field, not its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ComposeError {
    message: String,
}

impl ComposeError {
    /// `message` says what is wrong and what to do, without content or addresses.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}
