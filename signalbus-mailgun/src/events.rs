use std::fmt;

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbus_core::{
    clock::Timestamp,
    provider::{Fault, SendError},
};
use signalbus_http_client::{Answer, HttpClient, Request, Url};

use crate::{Account, MailgunEvent};

/// Asks Mailgun what happened, a page at a time, oldest first. There are two interfaces, which tell the
/// same: [`LegacyEvents`] and [`Logs`].
///
/// Mailgun stores events in an order that is not the order in which they happened: a page can be relied
/// on when all of it is older than about half an hour.
#[async_trait]
pub trait EventSource: fmt::Debug + Send + Sync + 'static {
    /// One page; `next` is [`EventPage::next`] of the one before.
    ///
    /// # Errors
    /// When Mailgun cannot be asked, or refuses.
    async fn page(
        &self,
        http: &HttpClient,
        account: &Account,
        query: &EventQuery,
        next: Option<&str>,
    ) -> Result<EventPage, SendError>;
}

/// Which events are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventQuery {
    /// From this time on.
    pub begin: Timestamp,
    /// Up to this time.
    pub end: Timestamp,
    /// Of this mail only: its `Message-ID` without brackets.
    pub message_id: Option<String>,
}

/// Some events, and where more are.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<MailgunEvent>,
    /// Where the next page is; none when this is the last.
    pub next: Option<String>,
}

impl EventQuery {
    /// All events of a time.
    #[must_use]
    pub fn new(begin: Timestamp, end: Timestamp) -> Self {
        Self {
            begin,
            end,
            message_id: None,
        }
    }

    /// Of one mail only.
    #[must_use]
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.message_id = Some(id.into());
        self
    }
}

/// `GET /v3/{domain}/events`, which Mailgun calls deprecated (2026). It can be asked for one mail, so that a
/// look-up is one request.
#[derive(Debug, Clone, Copy, Default)]
pub struct LegacyEvents;

/// `POST /v1/analytics/logs`, the newer one. It cannot be asked for one mail: a look-up reads all events of
/// the domain in a short time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logs;

/// The most events a page has.
const LEGACY_LIMIT: &str = "300";
const LOGS_LIMIT: u32 = 100;

/// The most bytes of a page: 300 events of some kB each.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

#[async_trait]
impl EventSource for LegacyEvents {
    async fn page(
        &self,
        http: &HttpClient,
        account: &Account,
        query: &EventQuery,
        next: Option<&str>,
    ) -> Result<EventPage, SendError> {
        let url = match next {
            Some(next) => Url::parse(next)
                .filter(|url| account.base.is_same_origin(url))
                .ok_or_else(|| unreadable("the next page is not at Mailgun"))?,
            None => {
                let (begin, end) = (seconds(query.begin), seconds(query.end));
                let mut fields = vec![
                    ("begin", begin.as_str()),
                    ("end", &end),
                    ("ascending", "yes"),
                    ("limit", LEGACY_LIMIT),
                ];
                fields.extend(query.message_id.as_deref().map(|id| ("message-id", id)));
                let path = ["v3", &account.domain, "events"];
                account.base.join(path).query(fields)
            }
        };
        let body = ask(http, account, Request::get("events", url)).await?;
        let events = events(&body, query)?;
        // The last page is the first that is empty.
        let is_last = body["items"].as_array().is_none_or(Vec::is_empty);
        let next = body["paging"]["next"].as_str().filter(|_| !is_last);
        Ok(EventPage {
            events,
            next: next.map(str::to_owned),
        })
    }
}

#[async_trait]
impl EventSource for Logs {
    async fn page(
        &self,
        http: &HttpClient,
        account: &Account,
        query: &EventQuery,
        next: Option<&str>,
    ) -> Result<EventPage, SendError> {
        let mut pagination = json!({ "sort": "timestamp:asc", "limit": LOGS_LIMIT });
        if let Some(token) = next {
            pagination["token"] = token.into();
        }
        let domain = json!({ "label": account.domain, "value": account.domain });
        let asked = json!({
            "start": date(query.begin)?,
            "end": date(query.end)?,
            "filter": { "AND": [{ "attribute": "domain", "comparator": "=", "values": [domain] }] },
            "pagination": pagination,
        });
        let url = account.base.join(["v1", "analytics", "logs"]);
        let body = ask(http, account, Request::post("logs", url).json(&asked)).await?;
        let events = events(&body, query)?;
        let is_last = body["items"].as_array().is_none_or(Vec::is_empty);
        let next = body["pagination"]["next"]
            .as_str()
            .filter(|token| !is_last && !token.is_empty());
        Ok(EventPage {
            events,
            next: next.map(str::to_owned),
        })
    }
}

async fn ask(http: &HttpClient, account: &Account, request: Request) -> Result<Value, SendError> {
    let key = account.reading_key.as_ref().ok_or_else(|| {
        SendError::permanent(Fault::Configuration, "there is no key that may read events")
    })?;
    let request = request.basic_auth("api", key).answer_limit(PAGE_BYTES);
    let answer = http.ask(request).await.map_err(|error| {
        SendError::retryable(Fault::Provider, "Mailgun cannot be asked").with_source(error)
    })?;
    body_of(&answer)
}

fn body_of(answer: &Answer) -> Result<Value, SendError> {
    let status = answer.status();
    let error = match status {
        200 => {
            return answer
                .json()
                .map_err(|fault| unreadable(&fault.to_string()));
        }
        401 | 403 => SendError::permanent(Fault::Configuration, "the key may not read events"),
        404 => SendError::permanent(Fault::Configuration, "the domain is not known"),
        429 => SendError::retryable(Fault::Quota, "too many requests for events"),
        _ => SendError::retryable(Fault::Provider, "Mailgun did not answer with events"),
    };
    Err(error.with_code(status.to_string()))
}

fn events(body: &Value, query: &EventQuery) -> Result<Vec<MailgunEvent>, SendError> {
    let items = body["items"]
        .as_array()
        .ok_or_else(|| unreadable("the page has no list of events"))?;
    let wanted =
        |event: &MailgunEvent| query.message_id.is_none() || event.message_id == query.message_id;
    Ok(items
        .iter()
        .filter_map(MailgunEvent::read)
        .filter(wanted)
        .collect())
}

fn unreadable(why: &str) -> SendError {
    SendError::retryable(
        Fault::Provider,
        format!("Mailgun's events cannot be read: {why}"),
    )
}

fn seconds(at: Timestamp) -> String {
    at.as_second().to_string()
}

fn date(at: Timestamp) -> Result<String, SendError> {
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_string(&at)
        .map_err(|_| unreadable("the time asked for is no date"))
}
