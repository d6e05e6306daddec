//! Rates of providers and tenants: in one engine, and shared by several.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use signalbus::{
    Limiter, Signalbus, TenantId, async_trait,
    limit::{Ask, LimitError, LimitErrorKind, MemoryLimiter, Slots},
    provider::{Capabilities, Rate},
};

use crate::common::{MINUTE, S, World, note_to, person, tenant};

/// A limiter in memory that may be away.
#[derive(Debug)]
struct MayBeAway {
    limiter: MemoryLimiter,
    is_away: AtomicBool,
}

#[async_trait]
impl Limiter for MayBeAway {
    async fn take(&self, asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(LimitError::new(LimitErrorKind::Unavailable, "away"));
        }
        self.limiter.take(asks).await
    }
}

fn limiter(world: &World) -> Arc<MayBeAway> {
    Arc::new(MayBeAway {
        limiter: MemoryLimiter::with_clock(Arc::new(world.clock.clone())),
        is_away: AtomicBool::new(false),
    })
}

/// Mails for this tenant.
async fn flood(bus: &Signalbus, tenant: &TenantId, count: usize) {
    let mail = |number| {
        let key = format!("{tenant} {number}");
        note_to(person(number), &key).tenant(tenant.clone())
    };
    for answer in bus
        .publish_all((0..count).map(mail).collect())
        .await
        .unwrap()
    {
        answer.unwrap();
    }
}

/// When each mail was taken.
fn times(worlds: &[&World]) -> Vec<Duration> {
    let requests = worlds.iter().flat_map(|world| world.email.requests());
    let mut times: Vec<Duration> = requests.map(|request| request.called.monotonic).collect();
    times.sort_unstable();
    times
}

fn assert_never_more(times: &[Duration], most: usize) {
    for (index, from) in times.iter().enumerate() {
        let within = times[index..].iter().take_while(|time| **time < *from + S);
        let count = within.count();
        assert!(count <= most, "{count} in the second from {from:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_engines_have_one_rate_together() {
    let mut one = World::new();
    let rated = Capabilities::default().with_rate(Rate {
        interval: S / 50,
        burst: 10,
    });
    one.email = one.email.with_capabilities(rated.clone());
    let mut other = one.beside();
    // One account: it is known by the names of channel and provider.
    other.email = other.email.named("mail").with_capabilities(rated);
    let limiter = limiter(&one);
    let start = async |world: &World| {
        let engine = world.engine(world.mail());
        engine
            .shared_limiter(limiter.clone())
            .start()
            .await
            .unwrap()
    };
    let (bus, beside) = (start(&one).await, start(&other).await);
    // Each has lanes before there is work.
    one.pass(MINUTE).await;
    flood(&bus, &TenantId::default(), 1_000).await;
    one.pass(16 * S).await;
    let times = times(&[&one, &other]);
    assert!(!one.email.requests().is_empty() && !other.email.requests().is_empty());
    assert_never_more(&times, 60);
    let used = times.iter().filter(|time| **time < 70 * S).count();
    assert!(used >= 475, "{used} of 500 in the first ten seconds");
    one.pass(MINUTE).await;
    assert_eq!(one.email.sent().len() + other.email.sent().len(), 1_000);
    bus.shutdown().await;
    beside.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_limiter_is_away_nothing_with_a_rate_is_sent() {
    let mut world = World::new();
    let rated = Capabilities::default().with_rate(Rate::per_second(10));
    world.email = world.email.with_capabilities(rated);
    let limiter = limiter(&world);
    let engine = world.engine(world.mail()).shared_limiter(limiter.clone());
    let bus = engine.start().await.unwrap();
    limiter.is_away.store(true, Ordering::SeqCst);
    flood(&bus, &TenantId::default(), 30).await;
    world.pass(MINUTE).await;
    assert_eq!(world.email.requests().len(), 0);
    limiter.is_away.store(false, Ordering::SeqCst);
    world.pass(10 * S).await;
    assert_eq!(world.email.sent().len(), 30);
    bus.shutdown().await;
}

/// The mails of a tenant are as many as it may send, and those of another do not wait for them.
async fn tenants_keep_their_rates(limiter: Option<Arc<MayBeAway>>, world: World) {
    let engine = world
        .engine(world.mail())
        .tenant_rate(tenant("slow"), Rate::per_second(2))
        .each_tenant_rate(Rate::per_second(1_000));
    let engine = match limiter {
        Some(limiter) => engine.shared_limiter(limiter),
        None => engine,
    };
    let bus = engine.start().await.unwrap();
    flood(&bus, &tenant("slow"), 40).await;
    flood(&bus, &tenant("quick"), 200).await;
    world.pass(5 * S).await;
    let of = |name: &str| -> Vec<Duration> {
        let requests = world.email.requests().into_iter();
        requests
            .filter(|request| request.tenant == tenant(name))
            .map(|request| request.called.monotonic)
            .collect()
    };
    assert_eq!(of("quick").len(), 200, "those of another go on");
    assert_never_more(&of("slow"), 4);
    let slow = of("slow").len();
    assert!((10..=12).contains(&slow), "{slow} in five seconds");
    world.pass(MINUTE).await;
    assert_eq!(of("slow").len(), 40);
    bus.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn tenants_keep_their_rates_in_one_engine() {
    tenants_keep_their_rates(None, World::new()).await;
}

#[tokio::test(start_paused = true)]
async fn tenants_keep_their_rates_with_a_limiter() {
    let world = World::new();
    tenants_keep_their_rates(Some(limiter(&world)), world).await;
}
