//! One message to one provider, and what came of it.

use std::{panic::AssertUnwindSafe, task::Poll};

use futures::FutureExt;
use tracing::Instrument;

use super::{Attempted, Doubt, Guarantee, Job, Tried, TypedRoute, message::Made};
use crate::{
    channel::Channel,
    clock::{Clock, later},
    name::ProviderName,
    provider::{Delivery, Fault, Found, Outcome, Provider, SendError},
    store::Store,
};

impl<C: Channel> TypedRoute<C> {
    pub(super) async fn send(
        &self,
        (name, provider): (&ProviderName, &dyn Provider<C>),
        clock: &dyn Clock,
        store: &dyn Store,
        job: &Job,
        to: &C::Address,
        made: &Made<C::Message>,
    ) -> Attempted {
        let arrived = clock.monotonic();
        let now = || later(job.claimed_at, clock.monotonic().saturating_sub(arrived));
        let asked = (name, provider);
        let parcel = (to, &made.rendering.message);
        let told = made.is_doubtful(job);
        // That one provider does not have it says nothing of another.
        let speaks_for_all = self.providers.len() == 1;
        let mut doubtful = told || self.may_be_interrupted(provider, job, made);
        let known = Doubt::new(job.known_since, job.claimed_at);
        let doubt = job.doubt.unwrap_or(known);
        // A suspect whose provider could not tell is asked about before every later try, too: a crash
        // that it was alone in and a panic look alike here. Where a doubt would stop it, only a
        // doubt that is certain may.
        let mut ask_again = false;
        if doubtful || job.suspect {
            let found = self
                .look_up(asked, (clock, store), job, parcel, doubt)
                .await;
            if doubtful && let Some(wait) = self.wait_for(found.as_ref(), job, doubt, now()) {
                return Attempted::unclear(wait);
            }
            match found {
                Some(Found::Sent(sent)) => return Attempted::accepted(&sent),
                Some(Found::NotSent) if speaks_for_all => doubtful = false,
                _ => ask_again = self.settings.guarantee != Guarantee::AtMostOnce,
            }
        }
        if job.spent {
            return spent(doubtful);
        }
        let repeats = doubtful && !job.recognised;
        if repeats && self.settings.guarantee == Guarantee::AtMostOnce {
            let forgotten =
                "an earlier try may have been sent, and a repeat would not be recognised";
            return Attempted {
                doubtful,
                ..Attempted::failed(&SendError::unknown(forgotten))
            };
        }
        let mut delivery = Delivery::new(
            job.id,
            job.event.id,
            &job.event.tenant,
            to,
            &made.rendering.message,
            &job.latch,
        );
        delivery.generation = job.generation;
        delivery.attempt = job.attempt;
        delivery.tries = job.tries;
        delivery.expires_at = job.expires_at;
        delivery.trace = job.content.trace.as_ref();
        let began = clock.monotonic();
        let attempted = self.ask(provider, clock, delivery, job).await;
        let sending = Some(clock.monotonic().saturating_sub(began));
        // What a dead worker left behind was counted when it was found.
        let repeats = repeats && told && job.started();
        let doubt = Doubt::new(job.claimed_at, now()).and(doubtful.then_some(doubt));
        let found = if attempted.tried.is_unknown() {
            self.look_up(asked, (clock, store), job, parcel, doubt)
                .await
        } else {
            None
        };
        let wait = self.wait_for(found.as_ref(), job, doubt, now());
        let attempted = match (found, wait) {
            (_, Some(wait)) => Attempted {
                tried: Tried::Unclear { wait, began: true },
                doubtful: true,
                ..attempted
            },
            (Some(Found::Sent(sent)), None) => Attempted::accepted(&sent),
            (Some(Found::NotSent), None) => Attempted {
                tried: Tried::Failed {
                    outcome: Outcome::Retryable,
                    fault: Fault::Provider,
                    retry_after: None,
                },
                doubtful: doubtful && !speaks_for_all,
                ..attempted
            },
            _ => Attempted {
                doubtful: doubtful || ask_again || attempted.tried.is_unknown(),
                ..attempted
            },
        };
        Attempted {
            sending,
            repeats,
            ..attempted
        }
    }

    /// Whether a worker that died may have sent it, which its rendering cannot say. A panic leaves
    /// a suspect too, with a rendering that says whether it was sent; where a second message must
    /// not go out, a suspect counts as sent as long as a crash may have left it.
    fn may_be_interrupted(
        &self,
        provider: &dyn Provider<C>,
        job: &Job,
        made: &Made<C::Message>,
    ) -> bool {
        let recognises = provider.capabilities().dedup_window.is_some();
        let strict = self.settings.guarantee == Guarantee::AtMostOnce && recognises;
        job.interrupted || job.doubt.is_some() || (job.suspect && (!made.kept || strict))
    }

    /// Hands a message to the provider and waits for its answer.
    async fn ask(
        &self,
        provider: &dyn Provider<C>,
        clock: &dyn Clock,
        delivery: Delivery<'_, C>,
        job: &Job,
    ) -> Attempted {
        let timeout = provider.capabilities().timeout;
        let span = crate::trace::span!(
            "send",
            otel.kind = "client",
            provider = provider.name(),
            error.type = tracing::field::Empty,
        );
        // What goes out is a part of this attempt, where somebody records it.
        #[cfg(feature = "otel")]
        let own = span.in_scope(crate::trace::current);
        #[cfg(feature = "otel")]
        let mut delivery: Delivery<'_, C> = delivery;
        #[cfg(feature = "otel")]
        if own.is_some() {
            delivery.trace = own.as_ref();
        }
        let send = AssertUnwindSafe(async { provider.send(delivery).await })
            .catch_unwind()
            .instrument(span.clone());
        tokio::pin!(send);
        // Most fakes and some providers answer at once: then no timer is needed.
        let answered = match futures::poll!(&mut send) {
            Poll::Ready(answered) => Some(answered),
            Poll::Pending => tokio::select! {
                biased;
                answered = &mut send => Some(answered),
                () = job.cut.cancelled() => return Attempted::cut_short(job.started()),
                () = clock.sleep(timeout) => None,
            },
        };
        match answered {
            Some(Ok(Ok(sent))) => Attempted::accepted(&sent),
            Some(Ok(Err(error))) => {
                span.record("error.type", error.outcome().as_str());
                Attempted::failed(&error)
            }
            Some(Err(_)) => {
                span.record("error.type", "panic");
                Attempted::panicked(job.started())
            }
            None => {
                span.record("error.type", "timeout");
                let after = format!("no answer within {timeout:?}");
                Attempted::failed(&if job.started() {
                    SendError::unknown(after)
                } else {
                    SendError::retryable(Fault::Provider, after)
                })
            }
        }
    }
}

/// All its tries are used up, and its provider cannot say more.
fn spent(doubtful: bool) -> Attempted {
    let error = if doubtful {
        SendError::unknown(
            "it may have been sent, its provider cannot tell, and its tries are used up",
        )
    } else {
        let message = "its provider says that it was not sent, and its tries are used up";
        SendError::retryable(Fault::Provider, message)
    };
    Attempted {
        doubtful,
        ..Attempted::failed(&error)
    }
}
