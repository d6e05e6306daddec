use std::time::Duration;

use serde::{Deserialize, Serialize};
use signalbus_core::{
    TenantId, Timestamp,
    store::{
        CancelAnswer, Cancelled, DeliveryFilter, Redrive, RedriveContent, Redriven, Scope,
        Selection, Suppression,
    },
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    deliveries::{FilterWords, filter},
    object::{object_or_none, objects_or_none},
};
use crate::api::problem::{Answer, Problem, Wrong};

/// What calling off did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CancelOut {
    /// One line for each delivery.
    deliveries: Vec<CancelledOut>,
}

/// What became of one delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CancelledDelivery)]
pub(crate) struct CancelledOut {
    /// The delivery.
    id: Uuid,
    /// `cancelled`; `in_flight`: it may arrive, but is not tried again; else how it had ended before.
    answer: &'static str,
}

impl CancelOut {
    pub(crate) fn of(cancelled: Vec<Cancelled>) -> Self {
        let deliveries = cancelled.into_iter().map(|one| CancelledOut {
            id: *one.id.as_uuid(),
            answer: match one.answer {
                CancelAnswer::Cancelled => "cancelled",
                CancelAnswer::InFlight => "in_flight",
                CancelAnswer::Ended(end) => end.as_str(),
                _ => "other",
            },
        });
        Self {
            deliveries: deliveries.collect(),
        }
    }
}

/// Which deliveries to give a new generation, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Redrive)]
pub(crate) struct RedriveIn {
    /// Counts, and changes nothing: true unless said, so that nothing is sent by mistake.
    #[serde(default = "yes")]
    dry_run: bool,
    /// These, each in the generation named.
    #[serde(default, deserialize_with = "objects_or_none")]
    deliveries: Option<Vec<RedriveWhich>>,
    /// Or all that match.
    #[serde(default, deserialize_with = "object_or_none")]
    filter: Option<RedriveFilter>,
    /// Sends the message as it was last rendered, and not afresh with today's templates.
    #[serde(default)]
    frozen: bool,
    /// Seconds between two of them: none unless said, a day at most.
    #[serde(default)]
    #[schema(maximum = 86400)]
    spacing_seconds: u32,
    /// A new end of their lives, in place of the old one.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// At most this many: 100 unless said, 1,000 at most. Repeat while the answer says `more`.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// One delivery to redrive.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RedriveDelivery)]
pub(crate) struct RedriveWhich {
    /// The delivery.
    id: Uuid,
    /// The generation that ended: whoever comes second with the same one changes nothing.
    #[schema(value_type = i64, minimum = 0, maximum = 4294967295_i64)]
    generation: u32,
}

/// Deliveries that match and can be redriven.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedriveFilter {
    /// Of this event.
    #[serde(default)]
    event: Option<String>,
    /// Of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// On this channel.
    #[serde(default)]
    channel: Option<String>,
    /// `dead`, `expired`, `suppressed` or `outcome_unknown`.
    #[serde(default)]
    state: Option<String>,
    /// Ended for this reason. Those that ended for `invalid_address` are left out unless it is named: their
    /// address is what it was.
    #[serde(default)]
    reason: Option<String>,
    /// Accepted at or after this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    accepted_from: Option<Timestamp>,
    /// Accepted before this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    accepted_before: Option<Timestamp>,
}

/// What a redrive did, or would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Redriven)]
pub(crate) struct RedriveOut {
    /// Whether it only counted.
    dry_run: bool,
    /// Deliveries with the generation that began.
    started: Vec<RedrivenOut>,
    /// Named, but not in that generation, not ended, or ended well.
    skipped: Vec<Uuid>,
    /// Whether more match than the limit allowed.
    more: bool,
}

/// A delivery that was redriven.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RedrivenDelivery)]
pub(crate) struct RedrivenOut {
    /// The delivery.
    id: Uuid,
    /// The generation that began.
    generation: u32,
}

const fn yes() -> bool {
    true
}

/// The most of one transaction.
const MOST: u32 = 1_000;
const LONGEST_SPACING: u32 = 86_400;

impl RedriveIn {
    pub(crate) fn dry_run(&self) -> bool {
        self.dry_run
    }

    /// What the store is asked, for this tenant and by this actor.
    pub(crate) fn into_redrive(self, tenant: TenantId, actor: String) -> Answer<Redrive> {
        let wrong = |field: &str, problem: &str| Problem::new(Wrong::Invalid, problem).field(field);
        let limit = self.limit.unwrap_or(100);
        if !(1..=MOST).contains(&limit) {
            return Err(wrong("limit", "must be 1 to 1000"));
        }
        if self.spacing_seconds > LONGEST_SPACING {
            return Err(wrong("spacing_seconds", "must be at most a day, 86400"));
        }
        let selection = match (self.deliveries, self.filter) {
            (Some(ids), None) if ids.len() <= usize::try_from(limit).unwrap_or(usize::MAX) => {
                let ids = ids.into_iter().map(|one| {
                    let id = signalbus_core::DeliveryId::from_uuid(one.id);
                    (id, one.generation)
                });
                Selection::Ids(ids.collect())
            }
            (Some(_), None) => {
                return Err(wrong(
                    "deliveries",
                    "are more than `limit`: send fewer at a time",
                ));
            }
            (None, Some(filter)) => Selection::Filter(filter.filter()?),
            _ => {
                return Err(wrong(
                    "deliveries",
                    "say which: give either `deliveries` or `filter`",
                ));
            }
        };
        Ok(Redrive {
            tenant,
            selection,
            actor,
            content: if self.frozen {
                RedriveContent::Frozen
            } else {
                RedriveContent::Fresh
            },
            spacing: Duration::from_secs(u64::from(self.spacing_seconds)),
            expires_at: self.expires_at,
            limit,
            dry_run: self.dry_run,
        })
    }
}

impl RedriveFilter {
    fn filter(&self) -> Answer<DeliveryFilter> {
        filter(&FilterWords {
            event: self.event.as_deref(),
            topic: self.topic.as_deref(),
            channel: self.channel.as_deref(),
            state: self.state.as_deref(),
            reason: self.reason.as_deref(),
            accepted_from: self.accepted_from,
            accepted_before: self.accepted_before,
            ..FilterWords::default()
        })
    }
}

impl RedriveOut {
    pub(crate) fn of(redriven: Redriven, dry_run: bool) -> Self {
        let started = redriven
            .started
            .into_iter()
            .map(|(id, generation)| RedrivenOut {
                id: *id.as_uuid(),
                generation,
            });
        Self {
            dry_run,
            started: started.collect(),
            skipped: redriven.skipped.iter().map(|id| *id.as_uuid()).collect(),
            more: redriven.more,
        }
    }
}

/// An address, and what is not sent to it any more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Suppression)]
pub(crate) struct SuppressionIn {
    /// On which channel.
    pub(crate) channel: String,
    /// The address. Only a hash of it is kept.
    pub(crate) address: String,
    /// Why: `manual` unless said; `unsubscribed`, `bounced`, `complained`, or a word of yours.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub(crate) cause: Option<String>,
    /// Only what this sender sends.
    #[serde(default)]
    sender: Option<String>,
    /// Only messages of this category.
    #[serde(default)]
    category: Option<String>,
}

/// Which entry of the suppression list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuppressionKey {
    /// On which channel.
    pub(crate) channel: String,
    /// The address.
    pub(crate) address: String,
    /// The entry for this sender only.
    #[serde(default)]
    sender: Option<String>,
    /// The entry for this category only.
    #[serde(default)]
    category: Option<String>,
}

/// Whether something stands against an address.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SuppressionOut {
    /// Whether something does.
    suppressed: bool,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// The provider's code, where one said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Only what this sender sends is kept back.
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    /// Only messages of this category are kept back.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// Since when, by whoever said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    as_of: Option<Timestamp>,
}

/// What taking off the list did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnsuppressOut {
    /// Whether it was on it.
    pub(crate) removed: bool,
}

/// The longest word of an entry, in bytes.
const LONGEST_WORD: usize = 255;

impl SuppressionIn {
    pub(crate) fn scope(&self) -> Answer<Scope> {
        scope(self.sender.as_deref(), self.category.as_deref())
    }
}

impl SuppressionKey {
    pub(crate) fn scope(&self) -> Answer<Scope> {
        scope(self.sender.as_deref(), self.category.as_deref())
    }
}

fn scope(sender: Option<&str>, category: Option<&str>) -> Answer<Scope> {
    let mut scope = Scope::default();
    scope.sender = short(sender, "sender")?;
    scope.category = short(category, "category")?;
    Ok(scope)
}

/// A word that is kept: not empty, short, and one line.
pub(crate) fn short(word: Option<&str>, field: &str) -> Answer<Option<String>> {
    let Some(word) = word else {
        return Ok(None);
    };
    let wrong = |problem: &str| Err(Problem::new(Wrong::Invalid, problem).field(field));
    if word.is_empty() || word.len() > LONGEST_WORD {
        return wrong("must have 1 to 255 bytes");
    }
    match signalbus_core::text::line_problem(word) {
        Some(problem) => wrong(problem),
        None => Ok(Some(word.to_owned())),
    }
}

impl SuppressionOut {
    pub(crate) fn of(entry: Option<Suppression>) -> Self {
        let Some(entry) = entry else {
            return Self {
                suppressed: false,
                cause: None,
                code: None,
                sender: None,
                category: None,
                as_of: None,
            };
        };
        Self {
            suppressed: true,
            cause: Some(entry.cause.into()),
            code: entry.code,
            sender: entry.scope.sender,
            category: entry.scope.category,
            as_of: entry.as_of,
        }
    }
}
