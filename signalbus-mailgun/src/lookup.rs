use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus_core::{
    channel::Email,
    clock::{Timestamp, later},
    name::TenantId,
    provider::{Delivery, Fault, Found, Lookup, Report, SendError, Sent, parse_reference},
};

use crate::{Account, EventQuery, Mailgun, MailgunEvent, response::message_id};

/// A try whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// Whose it is.
    pub tenant: TenantId,
    /// Our name for the message, as [`Delivery::reference`] gives it.
    pub reference: String,
    /// The `Message-ID` it was sent with.
    pub message_id: String,
    /// When it was tried.
    pub tried_at: Timestamp,
}

/// What Mailgun's events say of a try. They cannot say that it was not sent: an event may be late by
/// half an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailgunFound {
    /// Mailgun has it.
    Sent(Sent),
    /// Nothing is known of it. Asked again after this time, the answer may be another.
    Unclear {
        /// How long the events of the try may still be on their way; none when they are settled.
        ask_again: Option<Duration>,
    },
}

/// How long events may be on their way.
const SETTLES: Duration = Duration::from_secs(30 * 60);

/// A clock of ours and of Mailgun's may be this far apart.
const APART: Duration = Duration::from_secs(5 * 60);

/// How long ago a process may have died whose tries are looked up.
const LATELY: Duration = Duration::from_secs(60 * 60);

/// More pages are not read for one look-up.
const MOST_PAGES: usize = 20;

impl Mailgun {
    /// Asks for a try whose answer was lost.
    ///
    /// # Errors
    /// When Mailgun cannot be asked or refuses; there is no key that may read events, for one.
    pub async fn find_sent(&self, sought: &Sought) -> Result<MailgunFound, SendError> {
        let Some((delivery, generation)) = parse_reference(&sought.reference) else {
            return Ok(MailgunFound::Unclear { ask_again: None });
        };
        let ours = Some((sought.tenant.clone(), delivery, generation));
        let now = self.http().clock().now();
        let begin = earlier(sought.tried_at, APART);
        let query = EventQuery::new(begin, later(sought.tried_at, SETTLES))
            .message_id(message_id(&sought.message_id));
        let mut found = None;
        self.each_page(self.account_of(&sought.tenant), &query, |events| {
            found = events.into_iter().find(|event| event.ours == ours);
            found.is_none()
        })
        .await?;
        Ok(match found {
            Some(event) => MailgunFound::Sent(named(event)),
            None => {
                let settled = later(sought.tried_at, SETTLES);
                let ask_again = (now < settled).then(|| signalbus_core::clock::until(now, settled));
                MailgunFound::Unclear { ask_again }
            }
        })
    }

    /// Asks for a try of which nothing but our name for it is known, as after a crash: reads the events of
    /// the last hour of every domain that has a key for it, up to 20 pages each.
    ///
    /// # Errors
    /// When Mailgun cannot be asked or refuses.
    pub async fn find_lately(&self, reference: &str) -> Result<MailgunFound, SendError> {
        let unclear = MailgunFound::Unclear { ask_again: None };
        let Some(sought) = parse_reference(reference) else {
            return Ok(unclear);
        };
        let now = self.http().clock().now();
        let query = EventQuery::new(earlier(now, LATELY), later(now, APART));
        for account in self.readable_accounts() {
            let mut found = None;
            self.each_page(account, &query, |events| {
                found = events.into_iter().find(|event| {
                    let ours = event.ours.as_ref();
                    ours.is_some_and(|(_, id, generation)| (*id, *generation) == sought)
                });
                found.is_none()
            })
            .await?;
            if let Some(event) = found {
                return Ok(MailgunFound::Sent(named(event)));
            }
        }
        Ok(unclear)
    }

    /// What Mailgun says of the messages of a tenant in a time: to repair receipts that never came, since
    /// Mailgun does not repeat a `delivered` that was not taken. What was recorded before is recognised.
    ///
    /// Ask for times at least half an hour ago, and go on from the end of what was asked.
    ///
    /// # Errors
    /// When Mailgun cannot be asked or refuses, or when there are more than 20 pages: ask for less time.
    pub async fn missed_receipts(
        &self,
        tenant: &TenantId,
        begin: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Report>, SendError> {
        let mut reports = Vec::new();
        let whole = self
            .each_page(
                self.account_of(tenant),
                &EventQuery::new(begin, end),
                |events| {
                    let ours = events.into_iter().filter(|event| event.ours.is_some());
                    reports.extend(ours.map(|event| event.report()));
                    true
                },
            )
            .await?;
        if !whole {
            let message = "there are too many events; ask for a shorter time";
            return Err(SendError::permanent(Fault::Message, message));
        }
        Ok(reports)
    }

    /// Reads pages until there are no more or `go_on` says so; whether there are no more.
    async fn each_page(
        &self,
        account: &Account,
        query: &EventQuery,
        mut go_on: impl FnMut(Vec<MailgunEvent>) -> bool + Send,
    ) -> Result<bool, SendError> {
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let page = self
                .event_source()
                .page(self.http(), account, query, next.as_deref())
                .await?;
            if !go_on(page.events) {
                return Ok(false);
            }
            next = page.next;
            if next.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn named(event: MailgunEvent) -> Sent {
    event.message_id.map_or_else(Sent::new, Sent::with_id)
}

/// `at - span`, or the beginning of time.
fn earlier(at: Timestamp, span: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(span)
        .ok()
        .and_then(|span| at.checked_sub(span).ok())
        .unwrap_or(Timestamp::MIN)
}

#[async_trait]
impl Lookup for Mailgun {
    async fn find(&self, reference: &str) -> Result<Found, SendError> {
        let unclear = || SendError::retryable(Fault::Provider, "Mailgun does not know yet");
        let found = match self.recent().get(reference) {
            Some(sought) => self.find_sent(&sought).await?,
            // A try of a process that died: its time and its Message-ID are not known here.
            None => self.find_lately(reference).await?,
        };
        match found {
            MailgunFound::Sent(sent) => Ok(Found::Sent(sent)),
            MailgunFound::Unclear { .. } => Err(unclear()),
        }
    }
}

/// Tries of this process that have no answer yet: what a look-up needs beside the reference.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    tries: HashMap<String, Sought>,
    order: VecDeque<String>,
}

/// More tries without an answer are not kept.
const MOST_RECENT: usize = 10_000;

impl Recent {
    pub(crate) fn note(&self, delivery: &Delivery<'_, Email>, now: Timestamp) {
        let reference = delivery.reference();
        let sought = Sought {
            tenant: delivery.tenant.clone(),
            reference: reference.clone(),
            message_id: delivery.message.message_id.clone(),
            tried_at: now,
        };
        let mut kept = self.lock();
        // A later try does not make an earlier one later.
        if kept.tries.contains_key(&reference) {
            return;
        }
        if kept.order.len() >= MOST_RECENT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.tries.remove(&oldest);
        }
        kept.order.push_back(reference.clone());
        kept.tries.insert(reference, sought);
    }

    pub(crate) fn forget(&self, reference: &str) {
        let mut kept = self.lock();
        if kept.tries.remove(reference).is_some() {
            kept.order.retain(|other| other != reference);
        }
    }

    fn get(&self, reference: &str) -> Option<Sought> {
        self.lock().tries.get(reference).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
