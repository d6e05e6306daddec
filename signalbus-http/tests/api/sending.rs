//! Each tenant's messages go out through its own account.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::StatusCode;
use serde_json::{Value, json};
use signalbus::{
    Clock, Entropy, MemoryStore, Policy, Signalbus, Templates,
    channel::Sms,
    provider::{Fault, Provider, SendError},
};
use signalbus_core::directory::{
    Directory, MemoryDirectory,
    keys::{Pepper, Scope},
};
use signalbus_http::{
    Api,
    api::ApiLimits,
    vault::{AccountError, OpenedAccount, TenantAccounts},
};
use signalbus_testkit::{
    ManualClock, PausedClock,
    provider::{Play, ScriptedProvider},
};

use crate::support::{World, vault};

/// A provider for each token, as a service with accounts would have.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<BTreeMap<String, ScriptedProvider<Sms>>>>);

impl Service {
    fn account(&self, clock: &PausedClock, token: &str) -> ScriptedProvider<Sms> {
        let mut accounts = self.0.lock().unwrap();
        let new = || ScriptedProvider::new(Arc::new(clock.clone()));
        accounts.entry(token.to_owned()).or_insert_with(new).clone()
    }

    /// How many messages went out through each.
    fn sent(&self) -> BTreeMap<String, usize> {
        let accounts = self.0.lock().unwrap();
        let sent =
            |(token, of): (&String, &ScriptedProvider<Sms>)| (token.clone(), of.sent().len());
        accounts
            .iter()
            .map(sent)
            .filter(|(_, sent)| *sent > 0)
            .collect()
    }
}

struct Sending {
    world: World,
    service: Service,
    clock: PausedClock,
    key: BTreeMap<&'static str, String>,
    /// How accounts were printed.
    printed: Arc<Mutex<String>>,
}

/// An engine that sends texts by the accounts of tenants.
async fn sending(otherwise: bool) -> Sending {
    let clock = PausedClock::default();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::with_clock(shared.clone()));
    let (service, printed) = (Service::default(), Arc::new(Mutex::new(String::new())));
    let made = (service.clone(), clock.clone(), printed.clone());
    let make = move |account: &OpenedAccount| {
        let (service, clock, printed) = &made;
        printed.lock().unwrap().push_str(&format!("{account:?}"));
        match account.provider() {
            "texts" => {
                let token = account.secret("token")?;
                Ok(Arc::new(service.account(clock, token)) as Arc<dyn Provider<Sms>>)
            }
            _ => Err(AccountError::UnknownProvider),
        }
    };
    let mut texts =
        TenantAccounts::new("texts", directory.clone(), vault(), make).with_clock(shared.clone());
    if otherwise {
        texts = texts.otherwise(service.account(&clock, "everybody's"));
    }
    let store = MemoryStore::builder().clock(shared.clone()).build();
    let signalbus = Signalbus::builder()
        .store(store)
        .clock(clock.clone())
        .entropy(Entropy::from_seed(1))
        .channel(Sms::new(), texts.load().await.unwrap())
        .templates(Templates::embedded(&[("code/en/sms.txt", "Hello")]).unwrap())
        .policy(Policy::new().on::<Sms>("*"))
        .start()
        .await
        .unwrap();
    let api = Api::new(signalbus.clone(), directory.clone(), Pepper::new([7; 32]))
        .vault(vault())
        .clock(shared)
        .limits(ApiLimits::default().with_rate(None));
    let world = World {
        keys: api.keys(),
        router: api.router(),
        signalbus,
        directory,
        clock: ManualClock::default(),
    };
    let mut key = BTreeMap::new();
    for name in ["acme", "other", "third"] {
        let scopes = [Scope::Admin, Scope::Publish, Scope::Read];
        key.insert(name, world.key(name, &scopes).await);
    }
    Sending {
        world,
        service,
        clock,
        key,
        printed,
    }
}

impl Sending {
    async fn put(&self, of: &str, account: &Value) {
        let put = self
            .world
            .call("PUT", &self.key[of], "/v1/accounts/texts", account);
        assert_eq!(put.await.status, StatusCode::OK);
    }

    /// Publishes one text, and lets a moment pass.
    async fn send(&self, of: &str, number: usize) {
        let event = json!({
            "topic": "code",
            "to": [{ "addresses": { "sms": "+447700900123" } }],
            "idempotency": { "key": format!("{of}-{number}") },
        });
        let sent = self.world.post(&self.key[of], "/v1/events", &event).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED, "{sent:?}");
        self.pass(Duration::from_millis(10)).await;
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Everything that a person could read of a tenant's events.
    async fn seen(&self, of: &str) -> String {
        let mut seen = String::new();
        for path in [
            "/v1/attempts",
            "/v1/deliveries",
            "/v1/accounts",
            "/v1/audit",
        ] {
            seen.push_str(&self.world.get(&self.key[of], path).await.text);
        }
        seen
    }
}

fn account(token: &str) -> Value {
    json!({ "channel": "sms", "provider": "texts", "secret": { "token": token } })
}

#[tokio::test(start_paused = true)]
async fn each_tenant_sends_through_its_own_account_and_the_others_through_everybodys() {
    let sending = sending(true).await;
    sending.put("acme", &account("token-of-acme")).await;
    sending.put("other", &account("token-of-other")).await;
    for of in ["acme", "other", "third"] {
        sending.send(of, 1).await;
    }
    sending.pass(Duration::from_secs(5)).await;
    let sent = sending.service.sent();
    let each = [
        ("everybody's", 1),
        ("token-of-acme", 1),
        ("token-of-other", 1),
    ];
    assert_eq!(
        sent,
        each.map(|(token, sent)| (token.to_owned(), sent)).into()
    );
    for of in ["acme", "other"] {
        let seen = sending.seen(of).await;
        assert!(
            seen.contains("accepted") && seen.contains("texts"),
            "{seen}"
        );
        assert!(!seen.contains("token-of"), "{seen}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_account_is_used_for_the_next_message_and_a_removed_one_no_more() {
    let sending = sending(true).await;
    sending.put("acme", &account("old")).await;
    sending.send("acme", 1).await;
    sending.pass(Duration::from_secs(2)).await;
    sending.put("acme", &account("new")).await;
    sending.pass(Duration::from_secs(1)).await;
    sending.send("acme", 2).await;
    sending.pass(Duration::from_secs(2)).await;
    let (key, nothing) = (&sending.key["acme"], json!({}));
    let removed = sending
        .world
        .call("DELETE", key, "/v1/accounts/texts", &nothing);
    assert_eq!(removed.await.status, StatusCode::NO_CONTENT);
    sending.pass(Duration::from_secs(1)).await;
    sending.send("acme", 3).await;
    sending.pass(Duration::from_secs(2)).await;
    let each = [("everybody's", 1), ("new", 1), ("old", 1)];
    let sent = sending.service.sent();
    assert_eq!(
        sent,
        each.map(|(token, sent)| (token.to_owned(), sent)).into()
    );
}

#[tokio::test(start_paused = true)]
async fn without_one_for_everybody_a_tenant_without_an_account_is_refused() {
    let sending = sending(false).await;
    sending.put("acme", &account("token")).await;
    sending.send("third", 1).await;
    sending.send("acme", 1).await;
    sending.pass(Duration::from_secs(5)).await;
    assert_eq!(sending.service.sent(), [("token".to_owned(), 1)].into());
    let seen = sending.seen("third").await;
    assert!(
        seen.contains("has no account") && seen.contains("\"dead\""),
        "{seen}"
    );
}

/// A wrong token of one tenant, from its first message on: its messages are kept, and nobody else's wait.
#[tokio::test(start_paused = true)]
async fn what_goes_wrong_in_one_account_is_nobody_elses_matter() {
    let sending = sending(true).await;
    let wrong = sending.service.account(&sending.clock, "wrong");
    wrong.default(Play::fail(|| {
        SendError::retryable(Fault::Configuration, "not the token")
    }));
    sending.put("acme", &account("wrong")).await;
    for number in 0..20 {
        sending.send("acme", number).await;
        sending.send("third", number).await;
    }
    sending.pass(Duration::from_secs(5)).await;
    assert_eq!(sending.service.sent()["everybody's"], 20);
    assert_eq!(sending.service.sent().get("wrong"), None);
    // The account is set right: all that was kept goes out, through it.
    sending.put("acme", &account("right")).await;
    sending.pass(Duration::from_secs(600)).await;
    assert_eq!(sending.service.sent()["right"], 20);
    assert_eq!(sending.service.sent()["everybody's"], 20);
}

/// An account that cannot be opened, or that the program cannot use, never falls back to everybody's.
#[tokio::test(start_paused = true)]
async fn an_account_that_cannot_be_used_holds_its_messages() {
    let sending = sending(true).await;
    let mut unknown = account("hunter2");
    unknown["provider"] = "pigeons".into();
    sending.put("acme", &unknown).await;
    let mut without = account("hunter2");
    without["secret"] = json!({ "password": "hunter2" });
    sending.put("other", &without).await;
    for of in ["acme", "other"] {
        sending.send(of, 1).await;
    }
    sending.pass(Duration::from_secs(5)).await;
    assert!(sending.service.sent().is_empty());
    for (of, why) in [("acme", "kind of provider"), ("other", "no secret `token`")] {
        let seen = sending.seen(of).await;
        assert!(seen.contains(why) && seen.contains("waiting"), "{seen}");
        assert!(!seen.contains("hunter2"), "{seen}");
    }
    let printed = sending.printed.lock().unwrap().clone();
    assert!(
        printed.contains("pigeons") && !printed.contains("hunter2"),
        "{printed}"
    );
    sending.put("acme", &account("right")).await;
    sending.pass(Duration::from_secs(300)).await;
    assert_eq!(sending.service.sent()["right"], 1);
}
