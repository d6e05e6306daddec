//! `signalbus migrate`.

use serde_json::json;

use super::consent::Asked;
use crate::{answer::Answer, arguments::Consent, failure::Failure, target::Target};

pub(super) async fn run(target: &Target, consent: &Consent) -> Result<Answer, Failure> {
    let asked = Asked::new(consent, target)?;
    let before = target.schema().await?;
    if asked.yes && !before.current {
        target.migrate().await?;
    }
    let after = target.schema().await?;
    let version = |found: Option<i64>| found.map_or_else(|| "none".to_owned(), |v| v.to_string());
    let what = match (before.current, asked.yes) {
        (true, _) => "the tables are those of this program\n".to_owned(),
        (false, true) => format!("made version {}\n", version(after.found)),
        (false, false) => format!("would make version {}\n{}", before.known, asked.hint()),
    };
    let text = format!(
        "{}version found: {}\n{what}",
        asked.heading("migrate"),
        version(before.found)
    );
    let json = json!({
        "target": asked.target,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "before": before,
        "after": after,
    });
    Ok(Answer::good(text, json))
}
