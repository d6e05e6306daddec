//! `signalbus list` and `signalbus dead-letters`.

use serde_json::json;
use signalbus::store::{DeliveryFilter, PageToken, Position, Reason, State};

use crate::{
    answer::Answer,
    arguments::{Filter, Page},
    failure::Failure,
    moment, table,
    target::Target,
};

/// A filter as typed, for the store.
pub(super) fn filter(typed: &Filter, state: Option<State>) -> DeliveryFilter {
    let mut filter = DeliveryFilter::new();
    filter.tenant = typed.tenant.clone();
    filter.event = typed.event;
    filter.topic = typed.topic.clone();
    filter.channel = typed.channel.clone();
    filter.state = state;
    filter.reason = typed.reason.clone().map(Reason::from);
    filter.accepted_from = typed.since;
    filter.accepted_before = typed.before;
    filter
}

pub(super) async fn run(
    target: &Target,
    filter: DeliveryFilter,
    page: &Page,
) -> Result<Answer, Failure> {
    let store = target.look().await?;
    let token = PageToken {
        after: page.after.map(Position),
        limit: page.limit,
    };
    let found = store.list(&filter, token).await?;
    let next = found.next.and_then(|next| next.after).map(|after| after.0);
    let mut text = if found.items.is_empty() {
        "no delivery matches\n".to_owned()
    } else {
        table::deliveries(&found.items, moment::now())
    };
    if let Some(next) = next {
        text.push_str(&format!("more: --after {next}\n"));
    }
    let json = json!({ "deliveries": found.items, "next": next });
    Ok(Answer::good(text, json))
}
