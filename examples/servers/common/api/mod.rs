//! Takes requests, and answers when the brokers have what was asked for.

mod answer;
mod attend;
mod caller;
mod limits;
mod routes;
#[cfg(test)]
mod tests;

use std::{error::Error, sync::Arc};

use axum::{Router, extract::DefaultBodyLimit, middleware};
use signalbus::{
    BusSetup, Signalbus, Templates,
    channel::{Email, Sms},
};

use self::limits::Limits;
use super::{
    configured::{ApiOwn, Common, Topics},
    engine::policy,
    observe::Observe,
    stop::told_to_stop,
};

/// What each request is answered with.
#[derive(Clone)]
struct Api {
    signalbus: Signalbus,
    topics: Topics,
    key: Arc<str>,
    limits: Limits,
}

/// A request has no more bytes.
const MOST: usize = 1 << 20;

/// Serves until it is told to stop; then it finishes the requests that it has begun.
pub(super) async fn serve(common: Common, own: ApiOwn) -> Result<(), Box<dyn Error>> {
    let observe = Observe::install(&common.bus, common.topics.all())?;
    attend::describe();
    let listener = tokio::net::TcpListener::bind(common.listen).await?;
    // It knows the channels, so that what is wrong with an event is told to the caller. It stores and
    // sends nothing.
    let signalbus = Signalbus::builder()
        .without_store()
        .known_channel(Email::from("Signalbus <hello@signalbus.example>")?)
        .known_channel(Sms::new())
        .templates(Templates::new())
        .policy(policy())
        .bus_setup(BusSetup::shared(common.bus.shared(), &common.topics.notify))
        .build()?;
    let api = Api {
        signalbus,
        topics: common.topics,
        key: own.key.into(),
        limits: Limits::new(own.limiter, own.per_minute),
    };
    let router = router(api).merge(observe.router());
    tracing::info!(address = %listener.local_addr()?, "notification-api is listening");
    let stop = async move {
        told_to_stop().await;
        observe.leave();
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await?;
    Ok(())
}

fn router(api: Api) -> Router {
    routes::routes()
        .layer(DefaultBodyLimit::max(MOST))
        .layer(middleware::from_fn_with_state(api.clone(), limits::check))
        .layer(middleware::from_fn_with_state(api.clone(), caller::check))
        .layer(middleware::from_fn(attend::attend))
        .with_state(api)
}
