use std::{error::Error, fs};

use serde_json::json;

use crate::{KEY, backing::Backing, child::Child};

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/events.jsonl");

/// What the API said.
#[derive(Default)]
pub(crate) struct Published {
    pub(crate) taken: usize,
    pub(crate) refused: usize,
}

/// Publishes the events of the quickstart in their order, and one by each of the other two routes.
pub(crate) async fn all(api: &Child, backing: &Backing) -> Result<Published, Box<dyn Error>> {
    let client = reqwest::Client::new();
    let mut published = Published::default();
    let whole = api.url(&format!("/publish/{}", backing.topic("notifications")));
    let text = String::from_utf8_lossy(&fs::read(EVENTS)?).into_owned();
    let mut asked: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        asked.push((whole.clone(), line.to_owned()));
    }
    let signup = json!({ "name": "Ada", "email": "ada@example.org", "phone": "+447700900123" });
    asked.push((api.url("/notify/signup"), signup.to_string()));
    let mut events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let shipped = events
        .find(|event| event["topic"] == "order.shipped")
        .ok_or("no order was shipped")?;
    let notify = json!({
        "topic": "order.shipped", "data": shipped["data"],
        "recipients": [{ "name": "Bob", "addresses": { "email": "bob@example.org", "sms": "+447700900124" } }],
    });
    asked.push((api.url("/notify"), notify.to_string()));
    for (url, body) in asked {
        let request = client
            .post(&url)
            .bearer_auth(KEY)
            .header("content-type", "application/json");
        let answer = request.body(body).send().await?;
        match answer.status().as_u16() {
            202 => published.taken += 1,
            400 | 422 => published.refused += 1,
            other => return Err(format!("{url} answered {other}: {}", answer.text().await?).into()),
        }
    }
    Ok(published)
}
