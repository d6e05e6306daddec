use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use signalbus_core::{
    channel::{Address, Sms, sms::PhoneNumber},
    clock::{Timestamp, earlier, later, until},
    provider::{Fault, Found, Lookup, Question, SendError, Sent},
};
use signalbus_http_client::Request;

use crate::{Twilio, pool::Kind};

/// A try whose answer was lost. Twilio cannot be asked by our name for it: it is sought by recipient,
/// sender, time and text.
#[derive(Clone, PartialEq, Eq)]
pub struct Sought {
    reference: Option<String>,
    to: PhoneNumber,
    /// Any of these: which sender of a pool it was, only the process knows that sent it.
    from: Vec<Kind>,
    text: [u8; 32],
    first_at: Timestamp,
    last_at: Timestamp,
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

/// More messages to one number in that time are not read: the most that Twilio gives at once.
const PAGE: &str = "1000";

/// The most bytes of a page: 1,000 messages of some kB each.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Twilio is not asked again sooner.
const SOONEST: Duration = Duration::from_secs(10);

impl Sought {
    /// A try of a text to this number, from this sender (a number, name or messaging service), begun at
    /// this time.
    #[must_use]
    pub fn new(to: PhoneNumber, from: &crate::Sender, text: &str, tried_at: Timestamp) -> Self {
        Self {
            reference: None,
            to,
            from: vec![from.kind.clone()],
            text: digest(text),
            first_at: tried_at,
            last_at: tried_at,
        }
    }

    /// It was tried again, or the try went on, until this time.
    #[must_use]
    pub fn until(mut self, last_at: Timestamp) -> Self {
        self.last_at = self.first_at.max(last_at);
        self
    }

    fn fits(&self, message: &Listed) -> bool {
        let created = message.date_created.as_deref().and_then(|date| {
            jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(date)
                .ok()
        });
        let in_time = created.is_none_or(|created| {
            (earlier(self.first_at, APART)..=later(self.last_at, APART)).contains(&created)
        });
        let is_from = |from: &Kind| match from {
            Kind::From(from) => message.from.as_ref() == Some(from),
            Kind::Service(sid) => message.messaging_service_sid.as_ref() == Some(sid),
        };
        in_time
            && self.from.iter().any(is_from)
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
        let page = self.messages_to(sought).await?;
        let taken = self.taken();
        let mut fitting = page.messages.iter().filter(|message| {
            sought.fits(message) && !taken.by_another(&message.sid, sought.reference.as_deref())
        });
        // With more pages, what is on this one is not all.
        Ok(
            match (fitting.next(), fitting.next(), &page.next_page_uri) {
                (Some(one), None, None) => TwilioFound::Sent(Sent::with_id(&one.sid)),
                (None, _, None) => {
                    let late = later(sought.last_at, APART);
                    let now = self.http().clock().now();
                    let ask_again = (now < late).then(|| until(now, late));
                    TwilioFound::Nothing { ask_again }
                }
                _ => TwilioFound::Ambiguous,
            },
        )
    }

    async fn messages_to(&self, sought: &Sought) -> Result<Page, SendError> {
        let config = self.config();
        // Twilio compares days, in UTC: a try near midnight may be of either.
        let day = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
        let after = day(earlier(sought.first_at, APART));
        let before = day(later(
            later(sought.last_at, APART),
            Duration::from_secs(24 * 60 * 60),
        ));
        let path = ["2010-04-01", "Accounts", &config.account, "Messages.json"];
        let url = config.base.join(path).query([
            ("To", sought.to.as_str()),
            ("DateSent>", after.as_str()),
            ("DateSent<", before.as_str()),
            ("PageSize", PAGE),
        ]);
        let http = self.http();
        let request = self
            .signer()
            .sign(http, Request::get("look up", url).answer_limit(PAGE_BYTES))
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
impl Lookup<Sms> for Twilio {
    /// Nothing that fits does not prove that nothing was sent, and of several that fit none is taken.
    async fn find(&self, question: &Question<'_, Sms>) -> Result<Found, SendError> {
        let message = question.message;
        let from = match &message.sender {
            Some(sender) => vec![Kind::From(sender.clone())],
            None => {
                let senders = self.config().pools.senders(question.tenant, question.to);
                senders.iter().map(|sender| sender.kind.clone()).collect()
            }
        };
        let sought = Sought {
            reference: Some(question.reference()),
            to: question.to.clone(),
            from,
            text: digest(&message.text),
            first_at: question.first_at,
            last_at: question.last_at,
        };
        Ok(match self.find_sent(&sought).await? {
            TwilioFound::Sent(sent) => {
                self.taken().note(&question.reference(), sent.id());
                Found::Sent(sent)
            }
            TwilioFound::Ambiguous => Found::Unclear { ask_again: None },
            TwilioFound::Nothing { ask_again } => {
                let since = until(sought.last_at, self.http().clock().now());
                // Soon at first, and then less and less often.
                let ask_again = ask_again.map(|left| left.min(since.max(SOONEST)));
                Found::Unclear { ask_again }
            }
        })
    }
}

/// Which messages belong to which of our deliveries, as far as this process has seen them.
#[derive(Debug, Default)]
pub(crate) struct Taken(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    owners: HashMap<String, String>,
    order: VecDeque<String>,
}

/// No more are kept.
const MOST: usize = 10_000;

impl Taken {
    /// `sid` is the message of this delivery and nobody else's.
    pub(crate) fn note(&self, reference: &str, sid: Option<&str>) {
        let Some(sid) = sid else { return };
        let mut kept = self.lock();
        if kept.order.len() >= MOST
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.owners.remove(&oldest);
        }
        let owner = kept.owners.insert(sid.to_owned(), reference.to_owned());
        if owner.is_none() {
            kept.order.push_back(sid.to_owned());
        }
    }

    fn by_another(&self, sid: &str, reference: Option<&str>) -> bool {
        let kept = self.lock();
        let owner = kept.owners.get(sid);
        owner.is_some_and(|owner| Some(owner.as_str()) != reference)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl fmt::Debug for Sought {
    /// Shows neither number nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sought")
            .field("first_at", &self.first_at)
            .field("last_at", &self.last_at)
            .finish_non_exhaustive()
    }
}
