//! The program itself, and an application whose store it looks after.

use std::{
    io::Write,
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::Value;
use signalbus::{
    ChannelSetup, DeliveryId, Event, EventId, Idempotency, Policy, Recipient, RetryPolicy,
    Signalbus, Store, SystemClock, Templates, channel::Sms, provider::Fault,
};
use signalbus_testkit::provider::{Play, ScriptedProvider};

/// An address that must not be seen anywhere.
pub(crate) const CANARY: &str = "+447700900123";
/// What it is shown as, if anybody showed it.
pub(crate) const CANARY_DIGITS: &str = "7700900123";
/// Content that must not be seen but in `render`.
pub(crate) const SECRET: &str = "canary-content";

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The answer when it succeeded.
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    pub(crate) fn has(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no {text:?} in {self:?}");
        self
    }
}

/// Runs the program on a store, or on none when that is empty. No line of a table may be wider than 80 columns, and nothing said
/// may have the address or the content, but what was rendered.
pub(crate) fn signalbus(store: &str, arguments: &[&str]) -> Said {
    signalbus_with(store, arguments, "")
}

pub(crate) fn signalbus_with(store: &str, arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbus"));
    if store.is_empty() {
        command.env_remove("SIGNALBUS_STORE");
    } else {
        command.env("SIGNALBUS_STORE", store);
    }
    let mut child = command
        .args(arguments)
        .env_remove("SIGNALBUS_ACTOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input has closed it.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let said = Said {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    };
    if arguments.first() != Some(&"render") {
        for text in [&said.out, &said.err] {
            assert!(!text.contains(CANARY_DIGITS), "an address: {said:?}");
            assert!(!text.contains(SECRET), "content: {said:?}");
        }
    }
    let table = ["list", "dead-letters", "event", "tally"];
    let human = !arguments.contains(&"--json");
    if human && arguments.first().is_some_and(|first| table.contains(first)) {
        for line in said.out.lines() {
            assert!(line.chars().count() <= 80, "wider than 80: {line:?}");
        }
    }
    said
}

/// An engine on this store whose provider refuses for good.
pub(crate) fn application(store: Arc<dyn Store>) -> (Signalbus, ScriptedProvider<Sms>) {
    let provider = ScriptedProvider::new(Arc::new(SystemClock::new())).named("texts");
    let setup = ChannelSetup::new(Sms::new(), provider.clone())
        .retry(RetryPolicy::default().with_max_attempts(1));
    let signalbus = Signalbus::builder()
        .shared_store(store)
        .channel_setup(setup)
        .templates(
            Templates::new()
                .part("auth.code", "en", "sms.txt", "Code {{ data.code }}")
                .unwrap(),
        )
        .policy(Policy::new().on::<Sms>("auth.code"))
        .build()
        .unwrap();
    (signalbus, provider)
}

pub(crate) fn event(key: &str) -> Event {
    Event::new("auth.code", Idempotency::key(key))
        .to(Recipient::new().sms(CANARY))
        .data(serde_json::json!({ "code": SECRET }))
}

/// Publishes `dead` events whose delivery dies, `sent` whose delivery is sent, and `waiting` ones,
/// in this order.
pub(crate) async fn fill(
    store: Arc<dyn Store>,
    dead: usize,
    sent: usize,
    waiting: usize,
) -> Vec<(EventId, DeliveryId)> {
    let (engine, provider) = application(store);
    let mut made = Vec::new();
    provider.default(Play::permanent(Fault::Message));
    engine.start();
    for number in 0..dead {
        made.push(publish(&engine, &format!("dead-{number}")).await);
    }
    engine.idle().await;
    provider.default(Play::accept());
    for number in 0..sent {
        made.push(publish(&engine, &format!("sent-{number}")).await);
    }
    engine.idle().await;
    engine.shutdown().await;
    for number in 0..waiting {
        made.push(publish(&engine, &format!("waiting-{number}")).await);
    }
    made
}

async fn publish(engine: &Signalbus, key: &str) -> (EventId, DeliveryId) {
    let published = engine.publish(event(key)).await.unwrap();
    (published.event, published.routes[0].delivery)
}
