use std::sync::Arc;

use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use signalbus::{
    Class, Clock, Entropy, MemoryStore, Policy, Signalbus, Store, Templates, TenantId,
    channel::{Email, Sms},
    id::IdSource,
    name::ChannelName,
    store::{Claim, ClaimAnswer, ClassWindow, Flush, LaneRequest, Space, Window},
};
use signalbus_core::directory::{
    Directory, Keys, MemoryDirectory, Owner,
    keys::{NewKey, Pepper, Scope},
};
use signalbus_http::{
    Api,
    api::ApiLimits,
    vault::{MasterKey, Vault},
};
use signalbus_testkit::{ManualClock, provider::RecordingProvider};
use tower::ServiceExt;

/// An API with an engine that does not run, over stores in memory.
pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) signalbus: Signalbus,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) keys: Keys,
    pub(crate) clock: ManualClock,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }

    /// The word of a problem, checked to be one.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(
            problem["instance"],
            format!("urn:signalbus:request:{}", self.header("x-request-id"))
        );
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        let word = problem["type"].as_str().unwrap();
        word.strip_prefix("urn:signalbus:problem:")
            .unwrap()
            .to_owned()
    }
}

pub(crate) fn signalbus(store: Arc<dyn Store>, clock: &ManualClock) -> Signalbus {
    Signalbus::builder()
        .shared_store(store)
        .clock(clock.clone())
        .entropy(Entropy::from_seed(1))
        .channel(
            Email::from("Acme <hello@acme.example>").unwrap(),
            RecordingProvider::<Email>::new(),
        )
        .channel(Sms::new(), RecordingProvider::<Sms>::new())
        .templates(
            Templates::embedded(&[
                ("user.signup/en/subject.txt", "Welcome"),
                ("user.signup/en/body.txt", "Welcome, {{ recipient.name }}"),
                ("user.signup/en/sms.txt", "Welcome"),
            ])
            .unwrap(),
        )
        .policy(Policy::new().on::<Email>("user.*").on::<Sms>("code.*"))
        .build()
        .unwrap()
}

pub(crate) fn world() -> World {
    world_with(ApiLimits::default().with_rate(None))
}

pub(crate) fn world_with(limits: ApiLimits) -> World {
    let clock = ManualClock::default();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let store = MemoryStore::builder().clock(Arc::clone(&shared)).build();
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::with_clock(Arc::clone(&shared)));
    world_over(Arc::new(store), directory, clock, limits)
}

pub(crate) fn world_over(
    store: Arc<dyn Store>,
    directory: Arc<dyn Directory>,
    clock: ManualClock,
    limits: ApiLimits,
) -> World {
    let signalbus = signalbus(store, &clock);
    let api = Api::new(
        signalbus.clone(),
        Arc::clone(&directory),
        Pepper::new([7; 32]),
    )
    .clock(Arc::new(clock.clone()))
    .entropy(Arc::new(Entropy::from_seed(2)))
    .vault(vault())
    .limits(limits);
    World {
        keys: api.keys(),
        router: api.router(),
        signalbus,
        directory,
        clock,
    }
}

pub(crate) fn vault() -> Vault {
    Vault::new(MasterKey::new("test", [3; 32]).unwrap())
}

pub(crate) fn tenant(name: &str) -> Owner {
    Owner::Tenant(TenantId::new(name).unwrap())
}

impl World {
    /// A key of a tenant with these scopes.
    pub(crate) async fn key(&self, of: &str, scopes: &[Scope]) -> String {
        self.key_of(tenant(of), scopes).await
    }

    pub(crate) async fn key_of(&self, owner: Owner, scopes: &[Scope]) -> String {
        let new = NewKey::new(owner, "test", scopes.iter().copied());
        let (token, _) = self.keys.issue("test", new).await.unwrap();
        token.expose().to_owned()
    }

    /// Claims the mails that wait, as a worker does.
    pub(crate) async fn claim_all(&self) -> Vec<ClaimAnswer> {
        let (store, email) = (self.signalbus.store(), ChannelName::new("email").unwrap());
        let request = LaneRequest {
            worker: IdSource::new(
                Arc::new(self.clock.clone()),
                Arc::new(Entropy::from_seed(3)),
            )
            .worker(),
            lease: std::time::Duration::from_secs(15),
            spaces: vec![Space::send(&email)],
            release: Vec::new(),
        };
        let leases = store.hold_lanes(request).await.unwrap().leases;
        let classes = Class::ALL.map(|class| ClassWindow {
            class,
            total: 100,
            after: None,
            skip: Vec::new(),
        });
        let window = Window {
            classes: classes.to_vec(),
            per_group: 100,
            channels: vec![email],
        };
        let ready = store.fetch(&leases, window).await.unwrap().ready;
        let flush = Flush {
            claims: ready.iter().map(Claim::of).collect(),
            settles: Vec::new(),
        };
        store.flush(&leases, &flush).await.unwrap().claims
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> Answer {
        self.send(ask("GET", path, key).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn call(&self, method: &str, key: &str, path: &str, body: &Value) -> Answer {
        let request = ask(method, path, key).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap())
            .await
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.call("POST", key, path, body).await
    }
}

pub(crate) fn ask(method: &str, path: &str, key: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
}

/// An event for one recipient.
pub(crate) fn signup(key: &str) -> Value {
    json!({
        "topic": "user.signup",
        "to": [{ "id": "ada", "name": "Ada", "addresses": { "email": "ada@example.org" } }],
        "idempotency": { "key": key },
    })
}
