//! A server that is not there.

use std::{error::Error, fmt::Write};

use signalbus_core::{
    Channel,
    provider::{Fault, Outcome, SendError},
};

use super::Subject;

/// Without a connection it was certainly not sent: it is tried again, and it is the provider's
/// fault, so that the breaker opens.
pub async fn what_cannot_be_reached_is_tried_again<C: Channel>(s: Subject<C>) {
    let error = failure(&s).await;
    assert_eq!(error.outcome(), Outcome::Retryable, "{error}");
    assert_eq!(error.fault(), Fault::Provider, "{error}");
}

/// Without a connection nothing was started. Needs a client that tells when it is connected, so it
/// is asked only of providers that say so.
pub async fn what_cannot_be_reached_is_not_started<C: Channel>(s: Subject<C>) {
    let parcel = s.parcel();
    s.send(&parcel).await.expect_err("nobody is there");
    assert!(!parcel.latch.is_set(), "started, though nobody is there");
}

/// Errors go to the history and to logs.
pub async fn an_error_shows_nothing_confidential<C: Channel>(s: Subject<C>) {
    let shown = shown(&failure(&s).await);
    for (what, text) in s.confidential() {
        assert!(!shown.contains(&text), "an error shows {what}");
    }
}

async fn failure<C: Channel>(s: &Subject<C>) -> SendError {
    s.send(&s.parcel()).await.expect_err("nobody is there")
}

/// Everything that an error can show, its sources included.
pub(super) fn shown(error: &SendError) -> String {
    let mut shown = format!("{error} {error:?} {:?}", error.code());
    let mut source = error.source();
    while let Some(error) = source {
        // Writing into a string does not fail.
        let _ = write!(shown, " {error} {error:?}");
        source = error.source();
    }
    shown
}
