use std::time::Duration;

use reqwest::{Client, header::RETRY_AFTER};
use serde_json::{Value, json};
use signalbus::channel::{Address, Sms};
use signalbus::provider::{Capabilities, Delivery, Fault, Provider, SendError, Sent};

/// Sends texts through the JSON API of an invented company. It documents that it has not processed
/// what it answers with a 5xx, and that `Retry-After` is in seconds.
#[derive(Debug)]
pub(crate) struct Pigeon {
    pub(crate) http: Client,
    pub(crate) url: String,
}

#[signalbus::async_trait]
impl Provider<Sms> for Pigeon {
    fn name(&self) -> &str {
        "pigeon"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().reporting_start()
    }

    async fn send(&self, delivery: Delivery<'_, Sms>) -> Result<Sent, SendError> {
        let (to, text) = (delivery.to.as_str(), &delivery.message.text);
        let body = json!({ "to": to, "text": text, "reference": delivery.reference() });
        delivery.request_started();
        let response = self.http.post(&self.url).json(&body).send().await;
        let response = response.map_err(|error| match error.is_connect() {
            true => SendError::retryable(Fault::Provider, "no connection"),
            false => SendError::unknown("the connection broke before the answer"),
        })?;
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let error = match response.status().as_u16() {
            200..=299 => {
                let answer: Value = response.json().await.unwrap_or_default();
                return Ok(answer["id"].as_str().map_or_else(Sent::new, Sent::with_id));
            }
            429 => SendError::retryable(Fault::Quota, "too many requests"),
            300..=399 | 401 | 403 => SendError::permanent(Fault::Configuration, "check the setup"),
            400..=499 => SendError::permanent(Fault::Message, "the request is refused"),
            _ => SendError::retryable(Fault::Provider, "the server failed"),
        };
        let error = error.with_code(response.status().as_str());
        let wait = wait.map(Duration::from_secs).into_iter();
        Err(wait.fold(error, SendError::with_retry_after))
    }
}
