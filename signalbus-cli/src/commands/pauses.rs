//! `signalbus pauses`.

use serde_json::json;
use signalbus::store::{Pause, Paused};

use super::consent::Asked;
use crate::{
    answer::{Answer, BAD, GOOD},
    arguments::{Consent, Held, Pauses},
    failure::Failure,
    moment,
    target::Target,
    visible::Visible,
};

/// How many held deliveries one transaction puts back.
const AT_ONCE: u32 = 1_000;

pub(super) async fn run(target: &Target, what: &Pauses) -> Result<Answer, Failure> {
    match what {
        Pauses::List => list(target).await,
        Pauses::Begin {
            what,
            reason,
            consent,
        } => begin(target, what, reason, consent).await,
        Pauses::End { what, consent } => end(target, what, consent).await,
    }
}

fn paused(held: &Held) -> Paused {
    let mut what = Paused::everything();
    what.tenant.clone_from(&held.tenant);
    what.topic.clone_from(&held.topic);
    what.channel.clone_from(&held.channel);
    what.provider.clone_from(&held.provider);
    what
}

async fn list(target: &Target) -> Result<Answer, Failure> {
    let pauses = target.look().await?.pauses().await?;
    let mut text = String::new();
    for pause in &pauses {
        let (what, since) = (pause.what.to_string(), moment::shown(pause.since));
        text.push_str(&format!(
            "{what}\n  since {since} by {}: {}\n",
            Visible(&pause.actor),
            Visible(&pause.reason)
        ));
    }
    if pauses.is_empty() {
        text.push_str("nothing is paused\n");
    }
    Ok(Answer::good(text, json!({ "pauses": pauses })))
}

async fn begin(
    target: &Target,
    held: &Held,
    reason: &str,
    consent: &Consent,
) -> Result<Answer, Failure> {
    let asked = Asked::new(consent, target)?;
    let what = paused(held);
    let told = what.to_string();
    let new = if asked.yes {
        let pause = Pause::new(what, asked.actor.clone(), reason);
        Some(target.change().await?.pause(pause).await?)
    } else {
        None
    };
    let line = match new {
        Some(true) => format!("paused: {told}\n"),
        Some(false) => format!("was paused before, and stays so: {told}\n"),
        None => format!("would be paused: {told}\n"),
    };
    let text = format!("{}{line}{}", asked.heading("pause"), asked.hint());
    let json = json!({
        "target": asked.target,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "paused": told,
        "new": new,
    });
    Ok(Answer::good(text, json))
}

async fn end(target: &Target, held: &Held, consent: &Consent) -> Result<Answer, Failure> {
    let asked = Asked::new(consent, target)?;
    let what = paused(held);
    let told = what.to_string();
    let mut ended = None;
    let mut released = 0;
    if asked.yes {
        let store = target.change().await?;
        ended = Some(store.resume(&what).await?);
        loop {
            let batch = store.release(AT_ONCE).await?;
            released += batch.released;
            if !batch.more {
                break;
            }
        }
    }
    let line = match ended {
        Some(true) => format!("goes on: {told}; {released} deliveries wait to be sent again\n"),
        Some(false) => format!("no such pause: {told}\n"),
        None => format!("would go on, if it is paused: {told}\n"),
    };
    let text = format!("{}{line}{}", asked.heading("resume"), asked.hint());
    let json = json!({
        "target": asked.target,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "paused": told,
        "ended": ended,
        "released": released,
    });
    let code = if ended == Some(false) { BAD } else { GOOD };
    Ok(Answer { text, json, code })
}
