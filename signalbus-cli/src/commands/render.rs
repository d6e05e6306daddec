//! `signalbus render`: in memory, without a store.

use std::{fs, io::Read as _, path::Path};

use serde_json::json;
use signalbus::{
    Event, Policy, Recipient, Signalbus, Templates,
    channel::{Email, Sms},
    provider::Console,
};

use crate::{
    answer::Answer,
    arguments::{Known, Render},
    failure::Failure,
};

pub(super) fn run(typed: &Render) -> Result<Answer, Failure> {
    let templates = Templates::dir(&typed.templates)
        .map_err(|error| Failure::input("the templates cannot be used", error))?;
    let event: Event = serde_json::from_str(&read(&typed.event)?)
        .map_err(|error| Failure::input("the event cannot be read", error))?;
    let has = |channel: Known| {
        let name = match channel {
            Known::Email => "email",
            Known::Sms => "sms",
        };
        let reaches = |to: &Recipient| to.addresses.contains_key(name);
        (typed.channel.is_empty() && event.to.iter().any(reaches))
            || typed.channel.contains(&channel)
    };
    let mut policy = Policy::new();
    if has(Known::Email) {
        policy = policy.on::<Email>(&event.topic);
    }
    if has(Known::Sms) {
        policy = policy.on::<Sms>(&event.topic);
    }
    if let Some(template) = &typed.template {
        policy = policy.template(&event.topic, template);
    }
    // Nothing is sent: who would send it is in no part.
    let email = Email::from("preview@example.org")
        .map_err(|error| Failure::input("the event cannot be rendered", error))?;
    let signalbus = Signalbus::builder()
        .in_memory()
        .channel(email, Console::stdout())
        .channel(Sms::new(), Console::stdout())
        .templates(templates)
        // Rendering says what is wrong, and for whom.
        .templates_later()
        .policy(policy)
        .build()
        .map_err(|error| Failure::input("the event cannot be rendered", error))?;
    let previews = signalbus
        .render(&event)
        .map_err(|error| Failure::input("the event cannot be rendered", error))?;
    if previews.is_empty() {
        let hint = "no recipient has an address that can be used on these channels";
        return Err(Failure::Missing(hint.to_owned()));
    }
    let mut text = String::new();
    let mut json = Vec::new();
    for preview in &previews {
        text.push_str(&format!(
            "=== {} for recipient {} in {}\n",
            preview.channel, preview.recipient, preview.locale
        ));
        for (name, part) in preview.parts.iter() {
            text.push_str(&format!("{name}\n"));
            for line in part.lines() {
                text.push_str(&format!("  | {}\n", crate::visible::Visible(line)));
            }
        }
        let parts: std::collections::BTreeMap<&str, &str> = preview.parts.iter().collect();
        json.push(json!({
            "recipient": preview.recipient,
            "channel": preview.channel,
            "locale": preview.locale,
            "parts": parts,
        }));
    }
    Ok(Answer::good(text, json!({ "messages": json })))
}

fn read(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::File {
        what: format!("{} cannot be read", path.display()),
        source,
    };
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(failed)?;
        return Ok(text);
    }
    fs::read_to_string(path).map_err(failed)
}
