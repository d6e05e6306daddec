//! A store that is away, or whose answer was lost.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use axum::body::Body;
use http::StatusCode;
use serde_json::json;
use signalbus::{Clock, MemoryStore, Store, async_trait};
use signalbus_core::{
    directory::{Directory, MemoryDirectory, Owner, keys::Scope},
    store::{
        Acceptance, BusAdvance, DeliveryFilter, DeliveryRecord, NewEvent, Page, PageToken,
        StoreError, StoreErrorKind,
    },
};
use signalbus_http::api::ApiLimits;
use signalbus_testkit::{Layered, ManualClock, StoreLayer};

use crate::support::{World, ask, signup, world_over};

/// How it does.
#[derive(Debug, Clone)]
struct Moody {
    inner: MemoryStore,
    mood: Arc<AtomicU8>,
}

const WELL: u8 = 0;
const AWAY: u8 = 1;
/// It does what it is asked for, and the answer is lost.
const SILENT: u8 = 2;
const BROKEN: u8 = 3;

impl Moody {
    fn trouble(&self) -> Option<StoreErrorKind> {
        match self.mood.load(Ordering::SeqCst) {
            AWAY => Some(StoreErrorKind::Unavailable),
            SILENT => Some(StoreErrorKind::Ambiguous),
            BROKEN => Some(StoreErrorKind::Corrupt),
            _ => None,
        }
    }

    fn error(kind: StoreErrorKind) -> StoreError {
        StoreError::new(kind, "SECRET of the store: table 7")
    }
}

#[async_trait]
impl StoreLayer for Moody {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        match self.trouble() {
            None => self.inner.accept(events, advance).await,
            Some(kind) => {
                if kind == StoreErrorKind::Ambiguous {
                    self.inner.accept(events, advance).await?;
                }
                Err(Self::error(kind))
            }
        }
    }

    async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        match self.trouble() {
            None => self.inner.list(filter, page).await,
            Some(kind) => Err(Self::error(kind)),
        }
    }
}

fn moody() -> (World, Arc<AtomicU8>) {
    let clock = ManualClock::default();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let mood = Arc::new(AtomicU8::new(WELL));
    let store = Moody {
        inner: MemoryStore::builder().clock(Arc::clone(&shared)).build(),
        mood: Arc::clone(&mood),
    };
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::with_clock(shared));
    let limits = ApiLimits::default().with_rate(None);
    (
        world_over(Arc::new(Layered(store)), directory, clock, limits),
        mood,
    )
}

#[tokio::test]
async fn a_store_that_is_away_is_said_so_and_when_to_come_and_the_same_key_finds_it_again() {
    let (world, mood) = moody();
    let host = world.key_of(Owner::Host, &[Scope::Admin]).await;
    let quota = json!({ "quota": { "per_day": 100 } });
    world.call("PUT", &host, "/v1/tenants/acme", &quota).await;
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    let left = async || {
        let usage = world.get(&key, "/v1/usage").await.json();
        usage["quotas"][0]["left"].as_u64().unwrap()
    };
    // Where nothing was stored nothing is counted; where it may be, it is.
    for (now, status, word, left_then) in [
        (AWAY, 503, "unavailable", 100),
        (BROKEN, 500, "internal", 100),
        (SILENT, 503, "unavailable", 99),
    ] {
        mood.store(now, Ordering::SeqCst);
        let answer = world.post(&key, "/v1/events", &signup("1")).await;
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        assert_eq!(answer.problem(), word);
        let again = answer.header("retry-after").parse::<u64>();
        assert_eq!(again.is_ok(), status == 503, "{answer:?}");
        let many = json!([signup("1"), signup("1")]);
        if now != SILENT {
            let answer = world.post(&key, "/v1/events", &many).await;
            assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        }
        let looked = world.get(&key, "/v1/deliveries").await;
        assert_eq!(looked.status.as_u16(), status, "{looked:?}");
        for answer in [&answer, &looked] {
            assert!(!answer.text.contains("SECRET"), "{answer:?}");
        }
        assert_eq!(left().await, left_then, "{word}");
    }
    mood.store(WELL, Ordering::SeqCst);
    let request = ask("POST", "/v1/events", &key).header("content-type", "application/json");
    let body = Body::from(signup("1").to_string());
    let answer = world.send(request.body(body).unwrap()).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("idempotent-replayed"), "true");
    let all = world.get(&key, "/v1/deliveries").await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}
