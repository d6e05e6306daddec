//! A provider that speaks HTTP, as a stranger would write it: `provider.rs`, under 40 lines. It
//! sends two texts through a server on this machine, which asks it to slow down once.

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

mod provider;

use std::time::Duration;

use provider::Pigeon;
use serde_json::json;
use signalbus::{
    ChannelSetup, Event, Failure, Idempotency, Policy, Recipient, RetryPolicy, Signalbus,
    Templates, TenantId, channel::Sms,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, method, path},
};

const ADA: &str = "+12025550101";
const BOB: &str = "+12025550102";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let server = pigeon_server().await;
    // A program chooses who does its cryptography. This one needs none, unless another crate of the
    // build has switched TLS on in reqwest.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // No redirects: a client that follows them may send twice.
    let http = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let url = format!("{}/texts", server.uri());
    let fast = RetryPolicy::default().with_waits(
        Duration::from_millis(10),
        Duration::from_millis(50),
        Duration::from_secs(1),
    );
    let signalbus = Signalbus::builder()
        .in_memory()
        .channel_setup(ChannelSetup::new(Sms::new(), Pigeon { http, url }).retry(fast))
        .templates(Templates::embedded(&[(
            "auth.code/en/sms.txt",
            "{{ data.code }} is your code.",
        )])?)
        .policy(Policy::new().on::<Sms>("auth.code"))
        .start()
        .await?;

    let event = Event::new("auth.code", Idempotency::None)
        .to(Recipient::new().sms(ADA))
        .to(Recipient::new().sms(BOB))
        .data(json!({ "code": "117203" }));
    let published = signalbus.publish(event).await?;

    // `Signalbus::idle` would not wait for the second try of Bob's text, which is due in a second.
    signalbus.idle_within(Duration::from_secs(10)).await;
    signalbus.shutdown().await;

    for route in &published.routes {
        if let Some(story) = signalbus
            .explain(&TenantId::default(), route.delivery)
            .await?
        {
            println!("{story}");
        }
    }
    Ok(())
}

/// Takes every text, but Bob's only the second time.
async fn pigeon_server() -> MockServer {
    let server = MockServer::start().await;
    let text_to = |number: &str| {
        Mock::given(method("POST"))
            .and(path("/texts"))
            .and(body_partial_json(json!({ "to": number })))
    };
    let taken = |id: &str| ResponseTemplate::new(202).set_body_json(json!({ "id": id }));
    text_to(ADA)
        .respond_with(taken("pigeon-1"))
        .mount(&server)
        .await;
    text_to(BOB)
        .respond_with(ResponseTemplate::new(429).insert_header("Retry-After", "1"))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    text_to(BOB)
        .respond_with(taken("pigeon-2"))
        .mount(&server)
        .await;
    server
}
