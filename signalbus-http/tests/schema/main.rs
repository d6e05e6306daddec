//! The live API against its own document: schemathesis makes up requests, and compares the answers.
//!
//! `SIGNALBUS_TEST_SCHEMATHESIS` names the program, `st` unless it is set; with `_EXAMPLES` behind it, how many
//! requests are made up for each route: 40, which gives more than 2,000 of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{process::Command, sync::Arc};

use signalbus::{
    Entropy, MemoryStore, Policy, Signalbus, Templates,
    channel::{Email, Sms},
};
use signalbus_core::directory::{
    MemoryDirectory, Owner,
    keys::{NewKey, Pepper, Scope},
};
use signalbus_http::{
    Api, ServeOptions,
    api::ApiLimits,
    serve,
    vault::{MasterKey, Vault},
};
use signalbus_testkit::provider::RecordingProvider;
use tokio::net::TcpListener;

/// What is not asked for: that whatever the document allows is taken. It has no words for what makes an
/// address, a template or a topic.
const NOT_ASKED: &str = "positive_data_acceptance";

/// The fewest requests that count as a run.
const FEWEST: u32 = 2_000;

#[test]
fn the_live_api_does_what_its_document_says() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (origin, token) = runtime.block_on(start());
    let program = std::env::var("SIGNALBUS_TEST_SCHEMATHESIS").unwrap_or_else(|_| "st".to_owned());
    let examples =
        std::env::var("SIGNALBUS_TEST_SCHEMATHESIS_EXAMPLES").unwrap_or_else(|_| "40".to_owned());
    let output = Command::new(&program)
        .args(["run", &format!("{origin}/openapi.json")])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--exclude-checks", NOT_ASKED, "--max-examples", &examples])
        .args(["--seed", "1", "--no-color", "--generation-database", "none"])
        .current_dir(tempfile::tempdir().expect("a temporary folder").path())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; install schemathesis from PyPI"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let generated = said
        .lines()
        .filter_map(|line| line.trim().split_once(" generated"))
        .find_map(|(count, _)| count.replace(',', "").parse::<u32>().ok())
        .expect("it says how many requests it made");
    assert!(generated >= FEWEST, "only {generated} requests");
    println!("{generated} requests");
}

#[expect(clippy::disallowed_methods, reason = "the server runs beside the test")]
async fn start() -> (String, String) {
    let signalbus = Signalbus::builder()
        .shared_store(Arc::new(MemoryStore::new()))
        .channel(
            Email::from("hello@acme.example").unwrap(),
            RecordingProvider::<Email>::new(),
        )
        .channel(Sms::new(), RecordingProvider::<Sms>::new())
        .templates(
            Templates::embedded(&[
                ("any/en/subject.txt", "Hello"),
                ("any/en/body.txt", "Hello"),
                ("any/en/sms.txt", "Hello"),
            ])
            .unwrap(),
        )
        .policy(
            Policy::new()
                .on::<Email>("*")
                .on::<Sms>("*")
                .template("*", "any"),
        )
        .build()
        .unwrap();
    signalbus.start();
    let pepper = Pepper::generate(&Entropy::from_os());
    let api = Api::new(signalbus, Arc::new(MemoryDirectory::new()), pepper)
        .vault(Vault::new(MasterKey::new("test", [3; 32]).unwrap()))
        .limits(ApiLimits::default().with_rate(None));
    let new = NewKey::new(Owner::Host, "schemathesis", Scope::ALL);
    let (token, _) = api.keys().issue("test", new).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(
        listener,
        api.router(),
        ServeOptions::default(),
        std::future::pending(),
    ));
    (origin, token.expose().to_owned())
}
