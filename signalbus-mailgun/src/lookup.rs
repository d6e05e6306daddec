use std::time::Duration;

use async_trait::async_trait;
use signalbus_core::{
    channel::Email,
    clock::{Timestamp, earlier, later, until},
    name::TenantId,
    provider::{Fault, Found, Lookup, Question, Report, SendError, Sent, parse_reference},
};

use crate::{Account, EventQuery, Mailgun, MailgunEvent, response::message_id};

/// A try whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// Whose it is.
    pub tenant: TenantId,
    /// Our name for the message, as [`Question::reference`] gives it.
    pub reference: String,
    /// The `Message-ID` it was sent with.
    pub message_id: String,
    /// When it was tried first.
    pub first_at: Timestamp,
    /// When its last try was given up.
    pub last_at: Timestamp,
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

/// Mailgun is not asked again sooner.
const SOONEST: Duration = Duration::from_secs(60);

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
        let begin = earlier(sought.first_at, APART);
        let query = EventQuery::new(begin, later(sought.last_at, SETTLES))
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
                let settled = later(sought.last_at, SETTLES);
                let ask_again = (now < settled).then(|| until(now, settled));
                MailgunFound::Unclear { ask_again }
            }
        })
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

#[async_trait]
impl Lookup<Email> for Mailgun {
    async fn find(&self, question: &Question<'_, Email>) -> Result<Found, SendError> {
        let sought = Sought {
            tenant: question.tenant.clone(),
            reference: question.reference(),
            message_id: question.message.message_id.clone(),
            first_at: question.first_at,
            last_at: question.last_at,
        };
        Ok(match self.find_sent(&sought).await? {
            MailgunFound::Sent(sent) => Found::Sent(sent),
            MailgunFound::Unclear { ask_again } => {
                let since = until(sought.last_at, self.http().clock().now());
                // Soon at first, and then less and less often.
                let ask_again = ask_again.map(|left| left.min(since.max(SOONEST)));
                Found::Unclear { ask_again }
            }
        })
    }
}
