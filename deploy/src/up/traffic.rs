use std::error::Error;

use serde_json::{Value, json};

use crate::places::Places;

/// Publishes through the API.
pub(crate) struct Traffic {
    client: reqwest::Client,
    origin: String,
    key: String,
}

impl Traffic {
    pub(crate) fn new(client: reqwest::Client, places: &Places, key: &str) -> Self {
        Self {
            client,
            origin: format!("http://127.0.0.1:{}", places.api),
            key: key.to_owned(),
        }
    }

    /// The event of this number: a sign-up by mail, and every third time a code by text.
    ///
    /// # Errors
    /// When the API does not take it.
    pub(crate) async fn publish(&self, number: u64) -> Result<(), Box<dyn Error>> {
        let (path, body) = event(number);
        let request = self
            .client
            .post(format!("{}{path}", self.origin))
            .bearer_auth(&self.key)
            .json(&body);
        let answer = request.send().await?;
        match answer.status().as_u16() {
            202 => Ok(()),
            other => Err(format!("{path} answered {other}: {}", answer.text().await?).into()),
        }
    }
}

fn event(number: u64) -> (&'static str, Value) {
    if number.is_multiple_of(3) {
        let body = json!({
            "topic": "auth.code",
            "data": { "code": "123456", "minutes": 10 },
            "recipients": [{ "addresses": { "sms": "+447700900123" } }],
        });
        return ("/notify", body);
    }
    let email = format!("user{number}@example.org");
    let body = json!({ "name": "Ada", "email": email });
    ("/notify/signup", body)
}
