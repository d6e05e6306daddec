use serde::{Deserialize, Serialize};
use signalbus_core::store::Erased;
use utoipa::ToSchema;

use super::object::objects;
use crate::api::{
    Somebody,
    problem::{Answer, Problem, Wrong},
};

/// Whom to forget.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Erase)]
pub(crate) struct EraseIn {
    /// Every name they have: the application's id, and each of their addresses. What was published without
    /// an id is found by addresses only. At most 50.
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1, max_items = 50)]
    who: Vec<WhoIn>,
}

/// One name of somebody: their id, or an address with its channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Who)]
pub(crate) struct WhoIn {
    /// The application's own id.
    #[serde(default)]
    id: Option<String>,
    /// On which channel the address is.
    #[serde(default)]
    channel: Option<String>,
    /// The address.
    #[serde(default)]
    address: Option<String>,
}

/// What was forgotten, by what it was. All is zero when there was nothing, or nothing any more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Erased)]
pub(crate) struct EraseOut {
    /// Recipients of events: addresses, names and data.
    recipients: u64,
    /// Events of which they were the last recipient: their data.
    events: u64,
    /// Open deliveries, which ended `cancelled` for the reason `erased`.
    cancelled: u64,
    /// Messages that were kept for a next try.
    renderings: u64,
    /// Secrets.
    secrets: u64,
    /// Names that providers gave their messages.
    message_ids: u64,
    /// Receipts that waited for their message.
    receipts: u64,
    /// Files of events of which they were the last recipient.
    files: u64,
    /// Whether they were a recipient of the directory, and are none any more.
    profile: bool,
}

/// The most names of one request.
const MOST: usize = 50;

impl EraseIn {
    pub(crate) fn into_somebody(self) -> Answer<Vec<Somebody>> {
        if !(1..=MOST).contains(&self.who.len()) {
            return Err(
                Problem::new(Wrong::Invalid, "name whom to forget: 1 to 50 names").field("who"),
            );
        }
        let who = self.who.into_iter().enumerate();
        who.map(|(place, who)| match who {
            WhoIn {
                id: Some(id),
                channel: None,
                address: None,
            } => Ok(Somebody::Id(id)),
            WhoIn {
                id: None,
                channel: Some(channel),
                address: Some(address),
            } => Ok(Somebody::Address { channel, address }),
            _ => Err(Problem::new(
                Wrong::Invalid,
                "give either `id`, or `channel` and `address`",
            )
            .field(format!("who[{place}]"))),
        })
        .collect()
    }
}

impl EraseOut {
    pub(crate) fn of(erased: Erased, profile: bool) -> Self {
        Self {
            recipients: erased.recipients,
            events: erased.events,
            cancelled: erased.cancelled,
            renderings: erased.renderings,
            secrets: erased.secrets,
            message_ids: erased.message_ids,
            receipts: erased.receipts,
            files: erased.files,
            profile,
        }
    }
}
