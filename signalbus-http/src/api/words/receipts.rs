use serde::{Deserialize, Serialize};
use signalbus_core::{
    DeliveryId, TenantId, Timestamp,
    name::ProviderName,
    store::{Receipt, ReceiptEffect, ReceiptKind, ReceiptTarget},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{object::objects, operate::short};
use crate::api::problem::{Answer, Problem, Wrong};

/// What providers said, told by who heard it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptsIn {
    /// One for each thing that was said: 500 at most.
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 500)]
    receipts: Vec<ReceiptIn>,
}

/// What a provider said about a message after it took it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptIn {
    /// Who says it, by the name of the provider.
    provider: String,
    /// The provider's own id of this statement, by which it is known when it comes again.
    id: String,
    /// The delivery; or say `message`.
    #[serde(default)]
    delivery: Option<Uuid>,
    /// The provider's id of the message; or say `delivery`.
    #[serde(default)]
    message: Option<String>,
    /// What is said.
    kind: KindWord,
    /// When it happened, by the provider.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    /// The provider's code.
    #[serde(default)]
    code: Option<String>,
    /// What the provider said, without address or content.
    #[serde(default)]
    detail: Option<String>,
}

/// What a provider says.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReceiptKind)]
enum KindWord {
    /// The provider will try again.
    Deferred,
    /// On its way.
    Sent,
    /// Arrived.
    Delivered,
    /// Came back.
    Bounced,
    /// Marked as spam.
    Complained,
    /// Opened.
    Opened,
    /// Clicked.
    Clicked,
}

/// What each receipt did, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceiptsOut {
    /// `advanced`, `recorded` as a fact, a `duplicate`, or `parked` for a message that is not known yet.
    effects: Vec<&'static str>,
}

const MOST: usize = 500;

impl ReceiptsIn {
    /// The receipts of a tenant.
    pub(crate) fn into_receipts(self, tenant: &TenantId) -> Answer<Vec<Receipt>> {
        if self.receipts.is_empty() || self.receipts.len() > MOST {
            return Err(Problem::new(Wrong::Invalid, "must be 1 to 500").field("receipts"));
        }
        let receipts = self.receipts.into_iter();
        receipts
            .map(|receipt| receipt.into_receipt(tenant))
            .collect()
    }
}

impl ReceiptIn {
    fn into_receipt(self, tenant: &TenantId) -> Answer<Receipt> {
        let wrong = |field: &str, problem: &str| Problem::new(Wrong::Invalid, problem).field(field);
        let provider = ProviderName::new(&self.provider)
            .map_err(|error| wrong("provider", &error.to_string()))?;
        let target = match (self.delivery, short(self.message.as_deref(), "message")?) {
            (Some(id), None) => ReceiptTarget::Delivery(DeliveryId::from_uuid(id)),
            (None, Some(message)) => ReceiptTarget::Message(message),
            _ => {
                return Err(wrong(
                    "delivery",
                    "say which: either `delivery` or `message`",
                ));
            }
        };
        let id = short(Some(&self.id), "id")?.unwrap_or_default();
        let mut receipt = Receipt::new(tenant.clone(), provider, target, self.kind.kind(), id);
        receipt.occurred_at = self.occurred_at;
        receipt.code = short(self.code.as_deref(), "code")?;
        receipt.detail = short(self.detail.as_deref(), "detail")?;
        Ok(receipt)
    }
}

impl KindWord {
    fn kind(self) -> ReceiptKind {
        match self {
            Self::Deferred => ReceiptKind::Deferred,
            Self::Sent => ReceiptKind::Sent,
            Self::Delivered => ReceiptKind::Delivered,
            Self::Bounced => ReceiptKind::Bounced,
            Self::Complained => ReceiptKind::Complained,
            Self::Opened => ReceiptKind::Opened,
            Self::Clicked => ReceiptKind::Clicked,
        }
    }
}

impl ReceiptsOut {
    pub(crate) fn of(effects: &[ReceiptEffect]) -> Self {
        let word = |effect: &ReceiptEffect| match effect {
            ReceiptEffect::Advanced => "advanced",
            ReceiptEffect::Recorded => "recorded",
            ReceiptEffect::Duplicate => "duplicate",
            ReceiptEffect::Parked => "parked",
            _ => "other",
        };
        Self {
            effects: effects.iter().map(word).collect(),
        }
    }
}
