use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use signalbus_core::{
    channel::{Address, Sms, sms::PhoneNumber},
    clock::{Timestamp, later, until},
    provider::{Delivery, Fault, Found, Lookup, SendError, Sent},
};
use signalbus_http_client::Request;

use crate::{Twilio, pool::Kind};

/// A try whose answer was lost. Twilio cannot be asked by our name for it: it is sought by recipient,
/// sender, time and text.
#[derive(Clone, PartialEq, Eq)]
pub struct Sought {
    to: PhoneNumber,
    from: Kind,
    text: [u8; 32],
    tried_at: Timestamp,
}

/// What Twilio's list of messages says of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TwilioFound {
    /// Exactly one message fits, and no other try is known to be it.
    Sent(Sent),
    /// Several fit: which is it cannot be told.
    Ambiguous,
    /// None fits. Asked again after this time, the answer may be another; none when it was asked late
    /// enough.
    Nothing {
        /// How long to wait.
        ask_again: Option<Duration>,
    },
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<Listed>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    sid: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    messaging_service_sid: Option<String>,
    #[serde(default)]
    date_created: Option<String>,
    #[serde(default)]
    direction: String,
}

/// A message may be created this long before or after the time of the try: clocks are apart, and
/// requests take a while.
const APART: Duration = Duration::from_secs(2 * 60);

/// More messages to one number in that time are not read.
const PAGE: &str = "100";

impl Sought {
    /// A try of a text to this number, from this sender (a number, name or messaging service), begun at
    /// this time.
    #[must_use]
    pub fn new(to: PhoneNumber, from: &crate::Sender, text: &str, tried_at: Timestamp) -> Self {
        Self {
            to,
            from: from.kind.clone(),
            text: digest(text),
            tried_at,
        }
    }

    fn fits(&self, message: &Listed) -> bool {
        let created = message.date_created.as_deref().and_then(|date| {
            jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(date)
                .ok()
        });
        let in_time = created.is_none_or(|created| {
            until(created, self.tried_at).max(until(self.tried_at, created)) <= APART
        });
        let from = match &self.from {
            Kind::From(from) => message.from.as_ref() == Some(from),
            Kind::Service(sid) => message.messaging_service_sid.as_ref() == Some(sid),
        };
        in_time
            && from
            && message.direction.starts_with("outbound")
            && digest(&message.body) == self.text
    }
}

impl Twilio {
    /// Asks for a try whose answer was lost.
    ///
    /// # Errors
    /// When Twilio cannot be asked, or refuses.
    pub async fn find_sent(&self, sought: &Sought) -> Result<TwilioFound, SendError> {
        let page = self.messages_to(&sought.to, sought.tried_at).await?;
        let taken = self.recent();
        let mut fitting = page
            .messages
            .iter()
            .filter(|message| sought.fits(message) && !taken.is_taken(&message.sid));
        // With more pages, what is on this one is not all.
        Ok(
            match (fitting.next(), fitting.next(), &page.next_page_uri) {
                (Some(one), None, None) => TwilioFound::Sent(Sent::with_id(&one.sid)),
                (None, _, None) => {
                    let late = later(sought.tried_at, APART);
                    let now = self.http().clock().now();
                    let ask_again = (now < late).then(|| until(now, late));
                    TwilioFound::Nothing { ask_again }
                }
                _ => TwilioFound::Ambiguous,
            },
        )
    }

    async fn messages_to(&self, to: &PhoneNumber, tried_at: Timestamp) -> Result<Page, SendError> {
        let config = self.config();
        // Twilio compares days, in UTC: a try near midnight may be of either.
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let after = day(earlier(tried_at, APART));
        let before = day(later(
            later(tried_at, APART),
            Duration::from_secs(24 * 60 * 60),
        ));
        let path = ["2010-04-01", "Accounts", &config.account, "Messages.json"];
        let url = config.base.join(path).query([
            ("To", to.as_str()),
            ("DateSent>", after.as_str()),
            ("DateSent<", before.as_str()),
            ("PageSize", PAGE),
        ]);
        let http = self.http();
        let request = self
            .signer()
            .sign(http, Request::get("look up", url))
            .await?;
        let answer = http.ask(request).await.map_err(|error| {
            SendError::retryable(Fault::Provider, "Twilio cannot be asked").with_source(error)
        })?;
        let status = answer.status();
        let error = match status {
            200 => {
                return answer.json().map_err(|_| {
                    SendError::retryable(Fault::Provider, "Twilio's list cannot be read")
                });
            }
            401 | 403 | 404 => {
                SendError::permanent(Fault::Configuration, "the key may not read messages")
            }
            429 => SendError::retryable(Fault::Quota, "too many requests"),
            _ => SendError::retryable(Fault::Provider, "Twilio did not answer with messages"),
        };
        Err(error.with_code(status.to_string()))
    }
}

#[async_trait]
impl Lookup for Twilio {
    async fn find(&self, reference: &str) -> Result<Found, SendError> {
        let unclear = || SendError::retryable(Fault::Provider, "Twilio cannot tell yet");
        let sought = self.recent().get(reference).ok_or_else(unclear)?;
        match self.find_sent(&sought).await? {
            TwilioFound::Sent(sent) => {
                self.recent().answered(reference, sent.id());
                Ok(Found::Sent(sent))
            }
            _ => Err(unclear()),
        }
    }
}

/// Tries of this process that have no answer yet, and names of messages that belong to others.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    tries: HashMap<String, Sought>,
    order: VecDeque<String>,
    taken: HashSet<String>,
    taken_order: VecDeque<String>,
}

/// No more of either are kept.
const MOST: usize = 10_000;

impl Recent {
    pub(crate) fn note(&self, delivery: &Delivery<'_, Sms>, from: &Kind, now: Timestamp) {
        let sought = Sought {
            to: delivery.to.clone(),
            from: from.clone(),
            text: digest(&delivery.message.text),
            tried_at: now,
        };
        let mut kept = self.lock();
        let reference = delivery.reference();
        // A later try does not make an earlier one later.
        if kept.tries.contains_key(&reference) {
            return;
        }
        if kept.order.len() >= MOST
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.tries.remove(&oldest);
        }
        kept.order.push_back(reference.clone());
        kept.tries.insert(reference, sought);
    }

    /// The try has an answer; `sid` is its message and nobody else's.
    pub(crate) fn answered(&self, reference: &str, sid: Option<&str>) {
        let mut kept = self.lock();
        if kept.tries.remove(reference).is_some() {
            kept.order.retain(|other| other != reference);
        }
        let Some(sid) = sid else { return };
        if kept.taken_order.len() >= MOST
            && let Some(oldest) = kept.taken_order.pop_front()
        {
            kept.taken.remove(&oldest);
        }
        if kept.taken.insert(sid.to_owned()) {
            kept.taken_order.push_back(sid.to_owned());
        }
    }

    fn is_taken(&self, sid: &str) -> bool {
        self.lock().taken.contains(sid)
    }

    fn get(&self, reference: &str) -> Option<Sought> {
        self.lock().tries.get(reference).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// `at - span`, or the beginning of time.
fn earlier(at: Timestamp, span: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(span)
        .ok()
        .and_then(|span| at.checked_sub(span).ok())
        .unwrap_or(Timestamp::MIN)
}

impl fmt::Debug for Sought {
    /// Shows neither number nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sought")
            .field("tried_at", &self.tried_at)
            .finish_non_exhaustive()
    }
}
