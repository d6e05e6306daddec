use std::time::Duration;

use bytes::Bytes;

use super::{Tried, Unsendable};
use crate::{
    chain::WithoutUrls,
    mutant::Mutant,
    provider::{SendError, Sent},
    store::{AddressHash, Suppress},
};

/// What came of a try.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) tried: Tried,
    pub(crate) message_id: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) suppress: Option<Suppress>,
    /// The address, for the suppression list.
    pub(crate) address: Option<AddressHash>,
    /// The message, to keep if the delivery is not done.
    pub(crate) rendering: Option<Bytes>,
    /// How long it took to make the message; none when it was kept from an earlier try.
    pub(crate) making: Option<Duration>,
    /// How long the provider was busy with it; none when it was not asked to send.
    pub(crate) sending: Option<Duration>,
    /// Whether it may have sent again what an earlier try had sent.
    pub(crate) repeats: bool,
    /// Whether some try of this generation may have been sent.
    pub(crate) doubtful: bool,
}

impl Attempted {
    fn of(tried: Tried, detail: String) -> Self {
        Self {
            tried,
            message_id: None,
            code: None,
            detail: Some(detail),
            suppress: None,
            address: None,
            rendering: None,
            making: None,
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

    /// It may have been sent, and the provider will know later.
    pub(super) fn unclear(wait: Duration) -> Self {
        let detail = "it may have been sent; its provider is asked again when it may know more";
        Self {
            doubtful: true,
            ..Self::of(Tried::Unclear { wait, began: false }, detail.to_owned())
        }
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

    pub(super) fn accepted(sent: &Sent) -> Self {
        Self {
            detail: None,
            message_id: sent.id().filter(|id| is_id(id)).map(str::to_owned),
            ..Self::of(Tried::Accepted, String::new())
        }
    }

    pub(super) fn failed(error: &SendError) -> Self {
        let tried = Tried::Failed {
            outcome: error.outcome(),
            fault: error.fault(),
            retry_after: error
                .retry_after()
                .filter(|_| !Mutant::RetryAfterIgnored.is_active()),
        };
        // The history has the provider's own words alone, for good; what caused it may quote anything.
        if let Some(source) = std::error::Error::source(error) {
            tracing::debug!(caused_by = %WithoutUrls(source), "{}", error.message());
        }
        // The code is kept beside it.
        let detail = error.message().to_owned();
        Self {
            code: error.code().map(str::to_owned),
            suppress: error.suppresses().cloned(),
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
