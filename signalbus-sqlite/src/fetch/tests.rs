//! What a fetch costs does not grow with what waits: counted in the steps of SQLite's virtual
//! machine, since time says little about it on a small file.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use signalbus_core::{
    clock::{Clock, SystemClock, Timestamp, later},
    entropy::Entropy,
    event::{Class, Order},
    id::IdSource,
    name::{ChannelName, TenantId, Topic},
    store::{
        ClassWindow, Group, LaneLease, LaneRequest, NewDelivery, NewEvent, RecipientKey, Space,
        Store, Window,
    },
};
use sqlx::SqliteConnection;

use super::{Turn, fetch_unless_due, promote};
use crate::{SqliteStore, states::state};

/// SQLite calls back every so many steps.
const STEPS: i32 = 10;

struct Backlog {
    store: SqliteStore,
    leases: Vec<LaneLease>,
    _directory: tempfile::TempDir,
}

fn channel() -> ChannelName {
    ChannelName::new("email").unwrap()
}

/// `count` deliveries of one tenant that wait, and a few of two others, before and behind it.
async fn backlog(count: u32, send_at: Option<Timestamp>) -> Backlog {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("backlog.db"))
        .await
        .unwrap();
    let ids = IdSource::new(Arc::new(SystemClock::new()), Arc::new(Entropy::from_os()));
    let event = |tenant: &str| {
        let tenant = TenantId::new(tenant).unwrap();
        NewEvent {
            id: ids.event(),
            tenant: tenant.clone(),
            topic: Topic::new("test.happened").unwrap(),
            parent: None,
            class: Class::Bulk,
            idempotency: None,
            content: b"content".to_vec().into(),
            recipients: Vec::new(),
            secret: None,
            attachments: Vec::new(),
            deliveries: vec![{
                let mut made =
                    NewDelivery::new(ids.delivery(), 0, RecipientKey::of(&tenant, "ada"));
                made.channel = Some(channel());
                made.order_key = 1;
                made.order = Order::Unordered;
                made.address = None;
                made.sender = None;
                made.category = None;
                made.send_at = send_at;
                made.expires_at = None;
                made.ended = None;
                made.detail = None;
                made
            }],
        }
    };
    let mut events: Vec<NewEvent> = (0..count).map(|_| event("large")).collect();
    events.extend(["a-small", "small"].map(event));
    store.accept(events, Vec::new()).await.unwrap();
    let request = LaneRequest {
        worker: ids.worker(),
        lease: Duration::from_secs(60),
        spaces: vec![Space::send(&channel())],
        release: Vec::new(),
    };
    let leases = store.hold_lanes(request).await.unwrap().leases;
    Backlog {
        store,
        leases,
        _directory: directory,
    }
}

/// How many steps `work` takes, in tens.
async fn steps<T>(
    conn: &mut SqliteConnection,
    work: impl AsyncFnOnce(&mut SqliteConnection) -> T,
) -> (u64, T) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    conn.lock_handle()
        .await
        .unwrap()
        .set_progress_handler(STEPS, move || {
            counted.fetch_add(1, Ordering::Relaxed);
            true
        });
    let value = work(conn).await;
    conn.lock_handle().await.unwrap().remove_progress_handler();
    (count.load(Ordering::Relaxed), value)
}

async fn fetch_steps(backlog: &Backlog, after: Option<&Group>) -> (u64, usize) {
    let window = Window {
        classes: Class::ALL
            .into_iter()
            .map(|class| ClassWindow {
                class,
                total: 100,
                after: after.cloned(),
                skip: Vec::new(),
            })
            .collect(),
        per_group: 8,
        channels: vec![channel()],
    };
    let mut conn = backlog.store.pool().acquire().await.unwrap();
    let now = SystemClock::new().now();
    let (steps, fetched) = steps(&mut conn, async |conn| {
        fetch_unless_due(conn, now, &backlog.leases, &window).await
    })
    .await;
    (steps, fetched.unwrap().unwrap().ready.len())
}

#[tokio::test]
async fn reading_ready_work_steps_over_what_it_does_not_return() {
    let (few, many) = (backlog(50, None).await, backlog(5_000, None).await);
    let middle = Group {
        tenant: TenantId::new("large").unwrap(),
        channel: channel(),
        pool: None,
        retry: false,
        lane: few.leases[0].lane,
    };
    for after in [None, Some(&middle)] {
        let (short, ready) = fetch_steps(&few, after).await;
        let (long, also_ready) = fetch_steps(&many, after).await;
        assert_eq!((ready, also_ready), (10, 10), "after {after:?}");
        assert!(short > 10, "nothing was counted: {short}");
        assert!(
            long <= short * 11 / 10,
            "{long} of {short} tens of steps with a hundred times the backlog, after {after:?}"
        );
    }
}

#[tokio::test]
async fn making_due_work_ready_costs_the_same_for_any_amount() {
    let due = later(SystemClock::new().now(), Duration::from_secs(3_600));
    let after = later(due, Duration::from_secs(1));
    let mut costs = Vec::new();
    for count in [2_500, 10_000] {
        let backlog = backlog(count, Some(due)).await;
        let mut conn = backlog.store.pool().acquire().await.unwrap();
        let (steps, done) = steps(&mut conn, async |conn| {
            promote(conn, after, &backlog.leases, &Turn::default()).await
        })
        .await;
        done.unwrap();
        let ready: i64 = sqlx::query_scalar(concat!(
            "SELECT count(*) FROM signalbus_delivery WHERE state = ",
            state!(ready)
        ))
        .fetch_one(&mut *conn)
        .await
        .unwrap();
        assert_eq!(ready, 66, "a little of the large one, and both small ones");
        costs.push(steps);
    }
    assert!(
        costs[1] <= costs[0] * 11 / 10,
        "{costs:?} tens of steps with four times as much due"
    );
}
