//! What travels: bodies of requests and answers. Apart from the types of the core, so that nothing
//! enters or leaves that was not meant to.

mod accounts;
mod answers;
mod deliveries;
mod erase;
mod event_in;
mod keys;
mod lines;
mod object;
mod operate;
mod page;
mod pauses;
mod receipts;
mod recipients;
mod suppressions;
mod templates;
mod tenants;
mod trail;

pub(crate) use accounts::{AccountIn, AccountList, AccountOut};
pub(crate) use answers::{EventAnswer, ManyAnswer, ManyAnswers, PlanAnswer, PlanRequest};
pub(crate) use deliveries::{AddressSearch, DeliveryDetail, DeliveryList, DeliveryQuery, EventOut};
pub(crate) use erase::{EraseIn, EraseOut};
pub(crate) use event_in::{AddressesWord, EventIn, Frame};
pub(crate) use keys::{KeyIn, KeyList, KeyMade, KeyOut, RotateIn};
pub(crate) use lines::{
    EventLine, EventList, EventPlace, LineFilter, LineKind, LineList, LineOut, LinePlace,
    LineQuery, LineSearch, place,
};
pub(crate) use object::Object;
pub(crate) use operate::{
    CancelOut, RedriveIn, RedriveOut, SuppressionIn, SuppressionKey, SuppressionOut, UnsuppressOut,
    short,
};
pub(crate) use page::{PageQuery, parse_number};
pub(crate) use pauses::{
    HostPauseIn, HostPauseKey, PauseBegun, PauseEnded, PauseIn, PauseKey, PauseList,
};
pub(crate) use receipts::{ReceiptsIn, ReceiptsOut};
pub(crate) use recipients::{ProfileIn, ProfileList, ProfileOut};
pub(crate) use suppressions::{SuppressionList, SuppressionQuery};
pub(crate) use templates::{
    PreviewIn, PreviewOut, PublishIn, SourcesIn, TemplateList, TemplateOut,
};
pub(crate) use tenants::{TenantIn, TenantList, TenantOut, UsageLine, UsageOut};
pub(crate) use trail::{TrailList, TrailQuery};
