use std::{error::Error, fs};

use serde_json::json;
use tokio::task::JoinSet;

use crate::{KEY, backing::Backing, child::Child};

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/events.jsonl");

/// How many are asked for at a time: more than the workers store at once, so that there is a lag to see.
const TOGETHER: usize = 64;

/// What the API said.
#[derive(Default)]
pub(crate) struct Published {
    pub(crate) taken: usize,
    pub(crate) refused: usize,
}

/// Publishes the events of the quickstart, many at a time, and one by each of the other two routes.
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
    for together in asked.chunks(TOGETHER) {
        let mut asking = JoinSet::new();
        for (url, body) in together.iter().cloned() {
            let request = client
                .post(&url)
                .bearer_auth(KEY)
                .header("content-type", "application/json");
            asking.spawn(async move { (url, request.body(body).send().await) });
        }
        while let Some(asked) = asking.join_next().await {
            let (url, answer) = asked?;
            let answer = answer?;
            match answer.status().as_u16() {
                202 => published.taken += 1,
                400 | 422 => published.refused += 1,
                other => {
                    return Err(format!("{url} answered {other}: {}", answer.text().await?).into());
                }
            }
        }
    }
    Ok(published)
}
