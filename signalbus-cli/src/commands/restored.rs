//! `signalbus restored`.

use serde_json::json;

use super::consent::Asked;
use crate::{answer::Answer, arguments::Consent, failure::Failure, target::Target};

pub(super) async fn run(target: &Target, consent: &Consent) -> Result<Answer, Failure> {
    let asked = Asked::new(consent, target)?;
    let restored = if asked.yes {
        Some(target.restored().await?)
    } else {
        None
    };
    let what = match &restored {
        Some(restored) => format!(
            "everything is paused; {} deliveries count as possibly sent\n\
             look what was sent since the backup, then: signalbus pauses end\n",
            restored.possibly_sent
        ),
        None => format!(
            "would pause everything, and count what is open and due as possibly sent\n{}",
            asked.hint()
        ),
    };
    let json = json!({
        "target": asked.target,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "possibly_sent": restored.map(|restored| restored.possibly_sent),
    });
    Ok(Answer::good(
        format!("{}{what}", asked.heading("restored")),
        json,
    ))
}
