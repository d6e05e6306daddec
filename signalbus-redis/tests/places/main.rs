//! Where a server may be: behind TLS, behind a sentinel, in a cluster.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and a server is another process, which no test clock moves"
)]

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use signalbus_core::{
    Bus, Limiter, TenantId, Wake,
    bus::{Envelope, Place, Subscription},
    limit::{Ask, Limit, LimitKey},
};
use signalbus_redis::{ConfigError, RedisBell, RedisBus, RedisConfig, RedisLimiter};
use signalbus_servers::{Redis, RedisCluster};
use signalbus_testkit::smtp::Authority;

fn envelope(number: usize) -> Envelope {
    let topic = format!("events-{}", number % 5);
    Envelope::new(topic, format!("key {number}"), number.to_string())
}

/// Reads and acknowledges this many of one topic.
async fn drain(subscription: &mut dyn Subscription, all: usize) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    while seen.len() < all {
        let batch = tokio::time::timeout(Duration::from_secs(20), subscription.next(50));
        let batch = batch.await.unwrap().unwrap();
        let places: Vec<Place> = batch
            .delivered
            .iter()
            .map(|one| one.place.clone())
            .collect();
        subscription.ack(places).await.unwrap();
        let texts = batch.delivered.iter();
        seen.extend(texts.map(|one| String::from_utf8(one.envelope.payload.to_vec()).unwrap()));
    }
    seen
}

/// Everything that is made of a configuration works where it leads to.
async fn all_works(config: &RedisConfig) {
    let bus = RedisBus::open(config.clone()).unwrap();
    bus.publish((0..50).map(envelope).collect()).await.unwrap();
    for topic in 0..5 {
        let mut reader = bus
            .subscribe(&format!("events-{topic}"), "group")
            .await
            .unwrap();
        assert_eq!(drain(&mut *reader, 10).await.len(), 10);
        assert_eq!(reader.lag().await.unwrap()[0].behind, 0);
    }
    let limiter = RedisLimiter::open(config.clone());
    let limit = Limit::per(1, Duration::from_secs(3_600)).with_burst(2);
    let asks: Vec<Ask> = (0..20)
        .map(|number| LimitKey::tenant(&TenantId::new(format!("tenant-{number}")).unwrap()))
        .map(|key| Ask::now(key, limit).with_units(3))
        .collect();
    for granted in [2, 0] {
        let slots = limiter.take(asks.clone()).await.unwrap();
        assert!(slots.iter().all(|slots| slots.granted() == granted));
    }
    let bell = RedisBell::open(config.clone());
    let (heard, mut hears) = tokio::sync::watch::channel(());
    let _listening = bell
        .listen(Wake::new(move || heard.send_replace(())))
        .await
        .unwrap();
    bell.ring().now();
    let rung = tokio::time::timeout(Duration::from_secs(20), hears.changed());
    rung.await.unwrap().unwrap();
}

fn with_provider() {
    // Another test of this program may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[tokio::test]
async fn a_server_with_tls_is_trusted_by_its_authority() {
    with_provider();
    let authority = Authority::new();
    let identity = authority.issue(&["localhost"]);
    let server = Redis::with_tls(&identity.certificate, &identity.key).unwrap();
    let config = RedisConfig::from_url(&server.url()).unwrap();
    all_works(&config.clone().with_authority(authority.pem()).unwrap()).await;
    // One that nobody trusts, and one that another authority would have to vouch for.
    let other = Authority::new();
    let others = config.clone().with_authority(other.pem()).unwrap();
    for config in [config.clone(), others] {
        let bus = RedisBus::open(config.with_deadline(Duration::from_secs(2))).unwrap();
        let error = bus.publish(vec![envelope(1)]).await.unwrap_err();
        assert!(!error.to_string().contains("localhost"), "{error}");
    }
    let error = config.with_authority("no certificate").unwrap_err();
    assert_eq!(error, ConfigError::Authority);
}

#[tokio::test]
async fn a_cluster_takes_all() {
    let cluster = RedisCluster::start().unwrap();
    let urls = cluster.urls();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    all_works(&RedisConfig::from_cluster(&urls).unwrap()).await;
}

#[tokio::test]
async fn a_sentinel_leads_to_the_master_and_to_the_next_one() {
    let mut master = Redis::start().unwrap();
    let replica = Redis::replica_of(&master).unwrap();
    let sentinel = Redis::sentinel("events", &master).unwrap();
    let nobody = "redis://127.0.0.1:1";
    let url = sentinel.url();
    // The first sentinel is away; the host of the last URL is not used.
    let config = RedisConfig::from_sentinels(&[nobody, &url], "events", nobody)
        .unwrap()
        .with_deadline(Duration::from_secs(3));
    all_works(&config).await;
    let bus = RedisBus::open(config.clone()).unwrap();
    bus.publish(vec![envelope(1)]).await.unwrap();
    wait_for(|| role(&url).contains("slaves=1")).await;
    master.kill().unwrap();
    let begun = Instant::now();
    while bus.publish(vec![envelope(2)]).await.is_err() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "no master was made"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let direct = RedisBus::open(RedisConfig::from_url(&replica.url()).unwrap()).unwrap();
    let mut reader = direct.subscribe("events-2", "late").await.unwrap();
    assert!(drain(&mut *reader, 1).await.contains("2"));
    // A name that the sentinels do not know is no outage.
    let wrong = RedisConfig::from_sentinels(&[&url], "nothing", nobody).unwrap();
    let error = RedisBus::open(wrong)
        .unwrap()
        .publish(vec![envelope(1)])
        .await
        .unwrap_err();
    assert!(!error.is_transient(), "{error}");
}

/// What the sentinel says of what it watches.
fn role(url: &str) -> String {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    redis::cmd("INFO")
        .arg("sentinel")
        .query(&mut connection)
        .unwrap()
}

async fn wait_for(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "it does not come"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
