//! What became of a try whose answer was lost: the provider is asked. (A receipt that has come meanwhile is
//! met by the claim.)

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;

use super::{Doubt, Job, TypedRoute};
use crate::{
    channel::Channel,
    clock::{Clock, Timestamp, later},
    name::ProviderName,
    provider::{Found, Provider, Question, Sent},
    store::{DeliveryFilter, PageToken, Store},
};

impl<C: Channel> TypedRoute<C> {
    /// Asks what became of it; none when nobody can say, or not in time.
    pub(super) async fn look_up(
        &self,
        (name, provider): (&ProviderName, &dyn Provider<C>),
        (clock, store): (&dyn Clock, &dyn Store),
        job: &Job,
        (to, message): (&C::Address, &C::Message),
        doubt: Doubt,
    ) -> Option<Found> {
        let timeout = provider.capabilities().timeout;
        let answer = async {
            let lookup = provider.lookup()?;
            let times = (doubt.from, doubt.to);
            let mut question = Question::new(job.id, &job.event.tenant, to, message, times);
            question.generation = job.generation;
            question.expires_at = job.expires_at;
            let found = lookup.find(&question).await.ok()?;
            match &found {
                Found::Sent(sent) if is_anothers(store, job, name, sent).await => {
                    Some(Found::Unclear { ask_again: None })
                }
                _ => Some(found),
            }
        };
        tokio::select! {
            biased;
            found = AssertUnwindSafe(answer).catch_unwind() => found.ok()?,
            () = job.cut.cancelled() => None,
            () = clock.sleep(timeout) => None,
        }
    }

    /// How long to wait before the provider is asked again; none when the guarantee decides now.
    pub(super) fn wait_for(
        &self,
        found: Option<&Found>,
        job: &Job,
        doubt: Doubt,
        now: Timestamp,
    ) -> Option<Duration> {
        let Some(Found::Unclear {
            ask_again: Some(wait),
        }) = found
        else {
            return None;
        };
        let retry = &self.settings.retry;
        let wait = (*wait).max(retry.floor);
        let again = later(now, wait);
        let in_time = job.expires_at.is_none_or(|at| again < at);
        let bounded = again <= later(doubt.to, retry.longest_doubt);
        // Where a repeat is recognised, sending again is the better question.
        (in_time && bounded && !job.recognised).then_some(wait)
    }
}

/// Whether what was found is another delivery's: a provider that seeks by recipient and text may take a
/// twin for it.
async fn is_anothers(store: &dyn Store, job: &Job, provider: &ProviderName, sent: &Sent) -> bool {
    let Some(id) = sent.id() else { return false };
    let filter = DeliveryFilter::new()
        .tenant(job.event.tenant.clone())
        .provider(provider.clone())
        .message_id(id);
    match store.list(&filter, PageToken::first(2)).await {
        Ok(page) => page.items.iter().any(|other| other.id != job.id),
        Err(_) => false,
    }
}
