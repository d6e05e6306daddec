//! Takes requests, and answers when the brokers have what was asked for: the intake of `signalbus-http` over a
//! bus, with three routes more.

mod attend;
mod correlation;
mod routes;
#[cfg(test)]
mod tests;

use std::{error::Error, sync::Arc};

use axum::{Extension, Router, middleware};
use signalbus::{
    BusSetup, Limiter, Signalbus, Templates,
    channel::{Email, Sms},
    directory::{
        MemoryDirectory,
        keys::{Pepper, Scope},
    },
    http::{
        Api, ServeOptions,
        api::{ApiLimits, FixedKey, Rate},
        serve,
    },
};

use super::{
    configured::{ApiOwn, Common, Topics},
    engine::policy,
    observe::Observe,
    stop::told_to_stop,
};

/// A request has no more bytes.
const MOST: usize = 1 << 20;

/// Serves until it is told to stop; then it finishes the requests that it has begun.
pub(super) async fn serve_api(common: Common, own: ApiOwn) -> Result<(), Box<dyn Error>> {
    let observe = Observe::install(&common.bus, common.topics.all())?;
    let listener = tokio::net::TcpListener::bind(common.listen).await?;
    let setup = BusSetup::shared(common.bus.shared(), &common.topics.notify);
    let api = api(setup, &own)?;
    let router = router(api, common.topics).merge(observe.router());
    tracing::info!(address = %listener.local_addr()?, "notification-api is listening");
    let stop = async move {
        told_to_stop().await;
        observe.leave();
    };
    serve(listener, router, ServeOptions::default(), stop).await?;
    Ok(())
}

/// It knows the channels, so that what is wrong with an event is told to the caller. It stores and sends nothing,
/// so that there is no directory either: the key is that of the settings.
fn api(setup: BusSetup, own: &ApiOwn) -> Result<Api, Box<dyn Error>> {
    let signalbus = Signalbus::builder()
        .without_store()
        .known_channel(Email::from("Signalbus <hello@signalbus.example>")?)
        .known_channel(Sms::new())
        .templates(Templates::new())
        .policy(policy())
        .bus_setup(setup)
        .build()?;
    // A sixth of what may come in a minute may come at once.
    let rate = Rate::new(own.per_minute, own.per_minute / 6);
    let limits = ApiLimits::default().with_body(MOST).with_rate(Some(rate));
    let nobodys = Pepper::generate(&signalbus::Entropy::from_os());
    let mut api = Api::new(signalbus, Arc::new(MemoryDirectory::new()), nobodys)
        .over_bus()
        .intake_only()
        .fixed_key(FixedKey::new("settings", &own.key, [Scope::Publish]))
        .limits(limits)
        .own(routes::routes());
    if let Some(limiter) = &own.limiter {
        api = api.limiter(Arc::clone(limiter) as Arc<dyn Limiter>);
    }
    Ok(api)
}

fn router(api: Api, topics: Topics) -> Router {
    api.router()
        .layer(Extension(topics))
        .layer(middleware::from_fn(correlation::correlate))
        .layer(middleware::from_fn(attend::attend))
}
