//! `signalbus tally`.

use serde_json::json;
use signalbus::store::{DeliveryFilter, Tally};

use crate::{answer::Answer, failure::Failure, moment, table, target::Target};

pub(super) async fn run(target: &Target, filter: &DeliveryFilter) -> Result<Answer, Failure> {
    let store = target.look().await?;
    let tallies = store.tally(filter).await?;
    let now = moment::now();
    let row = |tally: &Tally| {
        let channel = tally.channel.as_ref();
        let reason = tally.reason.as_ref();
        vec![
            tally.state.as_str().to_owned(),
            reason.map_or_else(|| "-".to_owned(), ToString::to_string),
            channel.map_or_else(|| "-".to_owned(), ToString::to_string),
            tally.tenant.to_string(),
            tally.count.to_string(),
            tally
                .oldest
                .map_or_else(String::new, |at| moment::age(at, now)),
        ]
    };
    let total: u64 = tallies.iter().map(|tally| tally.count).sum();
    let text = if tallies.is_empty() {
        "no delivery matches\n".to_owned()
    } else {
        let rows = tallies.iter().map(row).collect();
        let headings = ["STATE", "REASON", "CHANNEL", "TENANT", "COUNT", "OLDEST"];
        let shown = table::table(&headings, &[0, 4], rows);
        format!("{shown}total {total}\n")
    };
    let json = json!({ "tallies": tallies, "total": total });
    Ok(Answer::good(text, json))
}
