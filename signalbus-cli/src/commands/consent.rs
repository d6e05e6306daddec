//! Whether something may be changed, and who asks.

use crate::{arguments::Consent, failure::Failure, target::Target};

/// A change that was agreed to, or is only talked about.
pub(super) struct Asked {
    /// Who asks.
    pub(super) actor: String,
    /// Whether it is to be done.
    pub(super) yes: bool,
    /// Where.
    pub(super) target: String,
}

impl Asked {
    /// A change needs somebody who asks for it; talking about it does not.
    pub(super) fn new(consent: &Consent, target: &Target) -> Result<Self, Failure> {
        let actor = consent.actor.as_deref().map(str::trim).unwrap_or_default();
        if consent.yes && actor.is_empty() {
            let hint = "say who asks: --actor NAME, or set SIGNALBUS_ACTOR";
            return Err(Failure::Usage(hint.to_owned()));
        }
        Ok(Self {
            actor: actor.to_owned(),
            yes: consent.yes,
            target: target.named()?,
        })
    }

    /// The first line of every change.
    pub(super) fn heading(&self, what: &str) -> String {
        if self.yes {
            format!("{what} on {} by {}\n", self.target, self.actor)
        } else {
            format!("{what} on {}: dry run, nothing is changed\n", self.target)
        }
    }

    /// The last line of a change that was only talked about.
    pub(super) fn hint(&self) -> &'static str {
        if self.yes {
            ""
        } else {
            "add --yes and --actor NAME to do it\n"
        }
    }
}
