//! What operators search for is found by an index, also among ten million deliveries.
//!
//! `SIGNALBUS_TEST_ROWS=1000000` fills as many (the night does); the statistics say ten million either way. Fewer rows
//! with these statistics are the harder case: a scan of a small table looks cheap.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and measures real time"
)]

mod support;

use std::time::{Duration, Instant};

use signalbus_core::{
    name::{ProviderName, TenantId, Topic},
    store::{
        AddressHash, DeliveryFilter, EndState, PageToken, RecipientKey, Retention, State, Store,
    },
};
use signalbus_postgres::{
    PostgresStore,
    sqlx::{self, AssertSqlSafe, Connection, PgConnection},
};

/// One in a thousand is dead, one in ten thousand waits, and one event in ten thousand has a topic of its own.
const FILL: &str = r#"
    INSERT INTO "S".event (id, tenant, topic, class, file_bytes, accepted_at, first_position, last_position, content)
    SELECT int8send(0) || int8send(n), CASE WHEN n % 1000 IN (0, 2) THEN 'tenant-7' WHEN n % 5000 = 5 THEN 'small' ELSE 'tenant-' || n % 20 END,
           CASE WHEN n % 10000 = 0 THEN 'rare.topic' ELSE 'topic.' || n % 30 END,
           1, 0, 1700000000000000 + n * 1000000, n, n, '\x7b7d'
    FROM generate_series(1::bigint, ROWS) AS n;
    INSERT INTO "S".recipient (event, place, key, content)
    SELECT int8send(0) || int8send(n), 0, sha256(int8send(n % 100000))::bytea, '\x7b7d'
    FROM generate_series(1::bigint, ROWS) AS n;
    INSERT INTO "S".delivery (position, order_key, accepted_at, due, ended_at, message_hash, lane, recipient, state,
        class, order_mode, holds, id, event, tenant, channel, address, reason, provider, message_id)
    SELECT n, n, 1700000000000000 + n * 1000000, 1700000000000000 + n * 1000000,
           CASE WHEN n % 10000 <> 1 THEN 1700000000000000 + n * 1000000 END, n * 7919, n % 64, 0,
           CASE WHEN n % 10000 = 1 THEN 0 WHEN n % 1000 = 2 THEN 10 ELSE 20 END,
           1, 0, false, int8send(1) || int8send(n), int8send(0) || int8send(n),
           CASE WHEN n % 1000 IN (0, 2) THEN 'tenant-7' WHEN n % 5000 = 5 THEN 'small' ELSE 'tenant-' || n % 20 END, 'email',
           substr(sha256(int8send(n % 50000)), 1, 16), NULL, 'provider-' || n % 3, 'message-' || n
    FROM generate_series(1::bigint, ROWS) AS n;
    UPDATE "S".delivery SET message_hash = HASH WHERE position = 77;
    ANALYZE "S".event; ANALYZE "S".recipient; ANALYZE "S".delivery;
"#;

async fn run(sql: &str) {
    let mut connection = PgConnection::connect(&support::url()).await.unwrap();
    let ran = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection);
    ran.await.unwrap();
}

/// What is searched for, and by which indexes it may be found.
fn searches(rows: i64) -> Vec<(&'static str, DeliveryFilter, &'static [&'static str])> {
    let all = DeliveryFilter::new;
    let tenant = TenantId::new("tenant-7").unwrap();
    let micros = |n: i64| {
        signalbus_core::clock::Timestamp::from_microsecond(1_700_000_000_000_000 + n * 1_000_000)
            .unwrap()
    };
    let mut of_recipient = all();
    of_recipient.recipient = Some(RecipientKey(sha(7)[..16].try_into().unwrap()));
    let mut to_address = all();
    to_address.address = Some(AddressHash(sha(7)[..16].try_into().unwrap()));
    let mut by_message = all();
    by_message.message_id = Some("message-77".to_owned());
    let mut late = all();
    late.accepted_from = Some(micros(rows - 500));
    let mut window = all().tenant(tenant.clone());
    window.accepted_from = Some(micros(rows / 2));
    window.accepted_before = Some(micros(rows / 2 + 2_000));
    let mut rare = all();
    rare.topic = Some(Topic::new("rare.topic").unwrap());
    let mut rare_of_tenant = rare.clone();
    rare_of_tenant.tenant = Some(tenant.clone());
    let mut unknown = all();
    unknown.topic = Some(Topic::new("never.published").unwrap());
    let mut common = all();
    common.topic = Some(Topic::new("topic.3").unwrap());
    let mut provider = all();
    provider.provider = Some(ProviderName::new("provider-1").unwrap());
    vec![
        ("all", all(), &["delivery_pkey"]),
        (
            "a tenant",
            all().tenant(tenant.clone()),
            &["delivery_tenant", "delivery_pkey"],
        ),
        (
            "a small tenant",
            all().tenant(TenantId::new("small").unwrap()),
            &["delivery_tenant"],
        ),
        ("a recipient", of_recipient, &["recipient_key"]),
        ("an address", to_address, &["delivery_address"]),
        ("a provider's id", by_message, &["delivery_message"]),
        ("a rare topic", rare, &["event_topic"]),
        ("a rare topic of a tenant", rare_of_tenant, &["event_topic"]),
        ("an unknown topic", unknown, &["event_topic"]),
        ("a common topic", common, &["delivery_pkey"]),
        (
            "dead ones",
            all().state(State::Ended(EndState::Dead)),
            &["delivery_failed"],
        ),
        (
            "dead ones of a tenant",
            all().tenant(tenant).state(State::Ended(EndState::Dead)),
            &["delivery_failed"],
        ),
        (
            "waiting ones",
            all().state(State::Waiting),
            &["delivery_ready"],
        ),
        (
            "sending ones",
            all().state(State::Sending),
            &["delivery_sending"],
        ),
        ("held ones", all().state(State::Held), &["delivery_held"]),
        ("the latest", late, &["event_accepted"]),
        ("a time of a tenant", window, &["event_accepted"]),
        ("a provider", provider, &["delivery_pkey"]),
    ]
}

/// As the store tells message ids apart: FNV-1a.
fn hash(id: &str) -> i64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    id.bytes().fold(0xcbf2_9ce4_8422_2325, step).cast_signed()
}

fn sha(number: i64) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(number.to_be_bytes()).into()
}

async fn fill(schema: &str, rows: i64) {
    let fill = FILL.replace(
        "int8send(0) || int8send(n)",
        "encode(int8send(0) || int8send(n), 'hex')::uuid",
    );
    let fill = fill.replace(
        "int8send(1) || int8send(n)",
        "encode(int8send(1) || int8send(n), 'hex')::uuid",
    );
    let fill = fill.replace(
        "sha256(int8send(n % 100000))::bytea",
        "substr(sha256(int8send(n % 100000)), 1, 16)",
    );
    run(&fill
        .replace("\"S\"", &format!("\"{schema}\""))
        .replace("ROWS", &rows.to_string())
        .replace("HASH", &hash("message-77").to_string()))
    .await;
}

async fn filled(schema: &str, rows: i64) -> PostgresStore {
    let store = support::builder(schema)
        .deadline(Duration::from_secs(60))
        .open()
        .await
        .unwrap();
    fill(schema, rows).await;
    store
}

#[tokio::test]
async fn every_search_has_an_index_at_ten_million() {
    let rows: i64 =
        std::env::var("SIGNALBUS_TEST_ROWS").map_or(30_000, |rows| rows.parse().unwrap());
    let schema = support::schema();
    let store = filled(&schema, rows).await;
    let page = PageToken {
        after: None,
        limit: 50,
    };
    for (what, filter, _) in searches(rows) {
        let began = Instant::now();
        let found = store.list(&filter, page).await.unwrap();
        println!(
            "{what}: {} found of {rows} in {:?}",
            found.items.len(),
            began.elapsed()
        );
    }
    for million in [1, 10] {
        run(&format!(
            "UPDATE pg_class SET reltuples = {million} * 1000000
             WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = '{schema}')
               AND relname IN ('event', 'delivery', 'recipient')"
        ))
        .await;
        for (what, filter, indexes) in searches(rows) {
            let plan = store.explain(&filter, page).await.unwrap();
            assert!(
                !plan.contains("Seq Scan"),
                "{what} at {million} million: {plan}"
            );
            let used = indexes
                .iter()
                .any(|index| plan.contains(&format!("\"{index}\"")));
            assert!(used, "{what} at {million} million: {plan}");
        }
    }
    run(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await;
}

/// Pages by key: each delivery once, whatever the filter.
#[tokio::test]
async fn pages_follow_each_other_without_gaps() {
    let schema = support::schema();
    let store = filled(&schema, 20_000).await;
    for (what, filter, _) in searches(20_000) {
        let whole = store
            .list(
                &filter,
                PageToken {
                    after: None,
                    limit: 20_000,
                },
            )
            .await
            .unwrap();
        assert!(whole.next.is_none());
        let (mut pages, mut next) = (
            Vec::new(),
            Some(PageToken {
                after: None,
                limit: 700,
            }),
        );
        while let Some(page) = next {
            let page = store.list(&filter, page).await.unwrap();
            pages.extend(page.items.iter().map(|one| one.id));
            next = page.next;
        }
        let whole: Vec<_> = whole.items.iter().map(|one| one.id).collect();
        assert_eq!(pages, whole, "{what}");
        assert!(
            whole.is_empty() == ["an unknown topic", "sending ones", "held ones"].contains(&what),
            "{what}"
        );
    }
    run(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await;
}

/// What is purged leaves room that is used again: a store that keeps as much as it gets does not grow.
#[tokio::test]
async fn retention_leaves_no_bloat() {
    const ROWS: i64 = 20_000;
    let schema = support::schema();
    let store = filled(&schema, ROWS).await;
    let mut sizes = Vec::new();
    for round in 0..4 {
        if round > 0 {
            fill(&schema, ROWS).await;
        }
        let mut connection = PgConnection::connect(&support::url()).await.unwrap();
        let size: i64 = sqlx::query_scalar(
            "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class AS c
             WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r'",
        )
        .bind(&schema)
        .fetch_one(&mut connection)
        .await
        .unwrap();
        sizes.push(size);
        run(&format!(
            "UPDATE \"{schema}\".delivery SET state = 20, ended_at = accepted_at WHERE state = 0"
        ))
        .await;
        let at_once = Retention::new(Duration::ZERO);
        let mut gone = 0;
        loop {
            match store.purge(&at_once).await.unwrap() {
                0 => break,
                some => gone += some,
            }
        }
        assert_eq!(gone, u64::try_from(ROWS).unwrap());
        for table in ["event", "delivery", "recipient", "history"] {
            run(&format!("VACUUM \"{schema}\".{table}")).await;
        }
        let dead: i64 = sqlx::query_scalar(
            "SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables WHERE schemaname = $1",
        )
        .bind(&schema)
        .fetch_one(&mut connection)
        .await
        .unwrap();
        println!("round {round}: {size} bytes full; {dead} dead rows after purge and vacuum");
    }
    // The second round fills what the first left; from then on nothing grows.
    assert!(sizes[3] <= sizes[1] + sizes[1] / 20, "{sizes:?}");
    run(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await;
}
