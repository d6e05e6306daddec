//! Starting what was claimed.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use serde_json::Value;
use tracing::Instrument;

use super::{InFlight, News, Shared, Worker, claim::Claiming, write::Doubt};
use crate::{
    chain::Chain,
    clock::until,
    engine::{
        memo::{doubt_of, known_since},
        providers::Reservation,
    },
    event::Recipient,
    provider::Latch,
    route::{
        Attempted, Job, Unsendable,
        content::{BlobError, Content},
        recipient,
    },
    store::{Claimed, Ready, StoredEvent},
    task,
};

/// How long an event of a newer version waits for a newer worker.
const NEWER_VERSION: Duration = Duration::from_secs(60);

/// What came of an event of which a part cannot be read.
fn unreadable(event: &StoredEvent, error: &BlobError) -> Attempted {
    match error {
        BlobError::Newer(_) => Attempted::returned(NEWER_VERSION, &error.to_string()),
        BlobError::Broken(_) if event.content.is_empty() => {
            Attempted::unsendable(Unsendable::Erased, "its recipients were erased".to_owned())
        }
        BlobError::Broken(_) => Attempted::unsendable(Unsendable::Unreadable, error.to_string()),
    }
}

/// The recipient, unless the content has it, and the secret.
fn own_parts(
    claimed: &Claimed,
    content: &Content,
) -> Result<(Option<Recipient>, Option<Value>), BlobError> {
    let own = match &claimed.own {
        Some(own) if content.to.is_empty() => Some(recipient::decode(own)?),
        _ => None,
    };
    let secret = claimed.secret.as_deref().map(serde_json::from_slice);
    Ok((own, secret.transpose()?))
}

/// How long a delivery waits whose files could not be read.
const FILES_AWAY: Duration = Duration::from_secs(1);

/// Puts the files of its event into a job. What was claimed with files is not sent without.
async fn with_files(shared: &Shared, job: &mut Job) -> Result<(), Attempted> {
    let event = &job.event;
    let cut = Arc::clone(&job.cut);
    let files = tokio::select! {
        biased;
        files = shared.store.files(&event.tenant, event.id) => files,
        () = cut.cancelled() => return Err(Attempted::cut_short(false)),
    };
    match files {
        Ok(files) if files.is_empty() => Err(Attempted::unsendable(
            Unsendable::Erased,
            "its files were erased".to_owned(),
        )),
        Ok(files) => {
            job.files = files;
            Ok(())
        }
        Err(error) if error.is_transient() => {
            Err(Attempted::returned(FILES_AWAY, &Chain(&error).to_string()))
        }
        Err(error) => Err(Attempted::unsendable(
            Unsendable::Unreadable,
            format!("its files cannot be read: {}", Chain(&error)),
        )),
    }
}

impl Worker {
    pub(super) fn content(&self, event: &StoredEvent) -> Result<Arc<Content>, Arc<BlobError>> {
        match self.shared.fresh.take(event.id) {
            Some(content) => Ok(content),
            None => Content::decode(&event.content)
                .map(Arc::new)
                .map_err(Arc::new),
        }
    }

    /// Starts the send of a claimed delivery.
    pub(super) fn send(
        &mut self,
        claiming: Claiming,
        claimed: Claimed,
        content: Result<Arc<Content>, Arc<BlobError>>,
        (doubt, claim): (Doubt, &tracing::Span),
        now: Duration,
    ) {
        let Claiming {
            ready,
            channel,
            reservation,
            alone: _,
        } = claiming;
        let position = ready.position;
        let store_now = self.store_at(now);
        let mut flight = InFlight {
            channel,
            reservation,
            latch: Latch::default(),
            claimed_at: store_now,
            ready,
            send: None,
        };
        let content = match content {
            Ok(content) => content,
            Err(error) => {
                let attempted = unreadable(&claimed.event, &error);
                return self.conclude(flight, attempted, now);
            }
        };
        let (own, secret) = match own_parts(&claimed, &content) {
            Ok(parts) => parts,
            Err(error) => {
                let attempted = unreadable(&claimed.event, &error);
                return self.conclude(flight, attempted, now);
            }
        };
        if let Some(why) = self.objection(&flight.ready, reservation, doubt, now) {
            return self.conclude(flight, Attempted::returned(Duration::ZERO, why), now);
        }
        let ready = &flight.ready;
        let lineup = &self.lineups[channel];
        let provider = reservation.map_or(0, |reservation| reservation.provider);
        let (known_since, doubt) = (known_since(ready), doubt_of(ready));
        let age = until(known_since, store_now);
        // In a box: the future it goes into is moved more than once.
        let mut job = Box::new(Job {
            id: ready.id,
            generation: ready.generation,
            attempt: ready.attempt + 1,
            tries: ready.tries,
            recipient: claimed.recipient,
            address: claimed.address,
            expires_at: ready.expires_at,
            suspect: ready.suspicion > 0,
            // A panic makes it more than that.
            interrupted: ready.suspicion == 1,
            doubt,
            known_since,
            claimed_at: store_now,
            spent: doubt.is_some() && ready.failures >= lineup.route.settings().retry.max_attempts,
            recognised: lineup.recognise(age),
            event: claimed.event,
            content,
            own,
            secret,
            files: Vec::new(),
            rendering: claimed.rendering,
            provider,
            reports_start: lineup.reports_start(provider),
            latch: flight.latch.clone(),
            cut: Arc::clone(&self.cut),
        });
        let span = crate::trace::span!(
            "process",
            otel.kind = "consumer",
            event.id = %job.event.id,
            delivery.id = %job.id,
            tenant = %job.event.tenant,
            channel = %ready.channel,
            attempt = job.attempt,
            trace.link = job.content.trace.as_ref().map(crate::trace::TraceContext::traceparent),
        );
        #[cfg(feature = "otel")]
        if !span.is_disabled()
            && let Some(trace) = &job.content.trace
        {
            crate::trace::link(&span, trace);
        }
        span.follows_from(claim);
        let route = Arc::clone(&self.lineups[channel].route);
        let shared = Arc::clone(&self.shared);
        let inbox = Arc::clone(&self.inbox);
        let files = ready.bytes > 0;
        let send = task::start(
            async move {
                // Few have files: only they pay for the room that reading them takes.
                if files && let Err(attempted) = Box::pin(with_files(&shared, &mut job)).await {
                    return inbox.put(News::Sent(position, attempted));
                }
                let attempt =
                    route.attempt(&shared.templates, &*shared.clock, &*shared.store, &job);
                // Whatever third-party code does, the delivery comes back.
                let attempted = AssertUnwindSafe(attempt).catch_unwind().await;
                let attempted = attempted.unwrap_or_else(|_| Attempted::panicked(job.started()));
                // What it holds goes before its permits do.
                drop(job);
                inbox.put(News::Sent(position, attempted));
            }
            .instrument(span),
        );
        flight.send = Some(send);
        self.in_flight.insert(position, flight);
    }

    /// Why a claimed delivery is given back and claimed again, with all that a claim checks.
    fn objection(
        &self,
        ready: &Ready,
        reservation: Option<Reservation>,
        doubt: Doubt,
        now: Duration,
    ) -> Option<&'static str> {
        if !self.lanes.is_safe(ready.lane, now) {
            Some("the lease ran out before the send")
        } else if reservation.is_none() {
            Some("it was claimed as expired, and the store found time left")
        } else if ready
            .expires_at
            .is_some_and(|at| at <= self.store_at_most(now))
        {
            Some("its time passed between its claim and the send")
        } else if doubt.0 {
            Some("the answer to its claim was lost, and much may have happened since")
        } else {
            None
        }
    }
}
