//! One tenant with a million waiting, and another that publishes a little, beside a third that publishes 1,000 a second:
//! how long the second one's messages take from publish to send, with the million and without it, in turn on one server.
//!
//! The million is sent meanwhile as fast as fairness lets it: no rate of a provider holds it back, unless one is given.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbus::{
    Channel, EngineOptions, Event, Idempotency, Policy, Provider, Recipient, Signalbus,
    channel::Address,
    postgres::PostgresStore,
    provider::{Capabilities, Delivery, Rate, SendError, Sent},
};
use signalbus_benches::NoTemplates;

use crate::{TEXT, server::Server};

/// How many wait at the end at least.
const WAITING: u64 = 1_000_000;
/// What is filled in beside them, to be sent while it is measured.
const SPENT: u64 = 250_000;
const ROUNDS: u64 = 3;
/// What the calm one has sent before.
const CALM: u64 = 50_000;
/// How long each half of a round is measured, and how long it runs before.
const MEASURED: Duration = Duration::from_secs(15);
const WARM: Duration = Duration::from_secs(5);
/// Messages a second of the small tenant, each by itself.
const SMALL: u64 = 20;
/// Messages a second of the steady tenant, and how many of them are published together.
const STEADY: u64 = 1_000;
const TOGETHER: u64 = 10;

/// Takes all, counts them, and says when those of the small tenant came.
#[derive(Debug, Clone)]
struct Watcher {
    rate: Option<u32>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    small: Vec<(u64, Instant)>,
    steady: u64,
    flood: u64,
}

impl Watcher {
    fn new(rate: Option<u32>) -> Self {
        Self {
            rate,
            seen: Arc::default(),
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<C: Channel> Provider<C> for Watcher {
    fn name(&self) -> &str {
        "watcher"
    }

    fn capabilities(&self) -> Capabilities {
        let all = Capabilities::default().with_concurrency(100_000);
        match self.rate {
            Some(rate) => all.with_rate(Rate::per_second(rate)),
            None => all,
        }
    }

    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        let now = Instant::now();
        let number = delivery.to.as_str().rsplit('-').next();
        let number = number.and_then(|number| number.parse().ok()).unwrap_or(0);
        let mut seen = self.seen();
        match delivery.tenant.as_str() {
            "small" => seen.small.push((number, now)),
            "steady" => seen.steady += 1,
            _ => seen.flood += 1,
        }
        Ok(Sent::new())
    }
}

/// Both halves of all rounds, as JSON; prints the ratio.
pub(crate) async fn run(server: &Server, rate: Option<u32>) -> Result<(), Box<dyn Error>> {
    let (calm, flooded) = ("calm", "flooded");
    for schema in [calm, flooded] {
        let signalbus = engine(server, schema, &Watcher::new(rate)).await?;
        signalbus.publish(event("flood", 0)).await?;
    }
    let began = Instant::now();
    server.flood(flooded, WAITING + SPENT).await?;
    println!("filled in {:.0} s", began.elapsed().as_secs_f64());
    // The calm one is as used to its work: sessions plan for tables that have something in them.
    server.flood(calm, CALM).await?;
    server.end_all(calm).await?;
    let mut halves: [Vec<Half>; 2] = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (place, schema) in [calm, flooded].into_iter().enumerate() {
            let half = measure(server, schema, round, rate).await?;
            println!("{}", half.told(schema));
            halves[place].push(half);
        }
    }
    let left = server.waiting(flooded, "flood").await?;
    if left < WAITING {
        return Err(format!("only {left} of {WAITING} still wait").into());
    }
    let [without, with] = halves.map(Half::all);
    let ratio = with.at(0.99) / without.at(0.99);
    let median = with.at(0.5) / without.at(0.5);
    println!(
        "the small tenant's 99 of 100: {:.1} ms without the flood, {:.1} ms with it: {ratio:.2} times (median {median:.2} times); {left} still wait",
        without.at(0.99),
        with.at(0.99),
    );
    let name = |flood: &str| match rate {
        None => format!("20/s beside 1000/s, {flood}"),
        Some(rate) => {
            format!("20/s beside 1000/s, provider takes {rate}/s, {flood}")
        }
    };
    let loads = [
        without.json(&name("no flood"), None),
        with.json(&name("1,000,000 of another wait"), Some(ratio)),
    ];
    let file = match rate {
        None => "postgres-flood".to_owned(),
        Some(rate) => format!("postgres-flood-{rate}"),
    };
    crate::results::write(&file, vec![loads.into()])
}

async fn engine(
    server: &Server,
    schema: &str,
    watcher: &Watcher,
) -> Result<Signalbus, Box<dyn Error>> {
    let url = format!("{}?schema={schema}", server.url());
    Ok(Signalbus::builder()
        .store(PostgresStore::open(&url).await?)
        .channel(NoTemplates, watcher.clone())
        .policy(Policy::new().on::<NoTemplates>("bench.*"))
        .options(EngineOptions::default())
        .build()?)
}

fn event(tenant: &str, number: u64) -> Event {
    let recipient = Recipient::new().on::<NoTemplates>(format!("{tenant}-{number}"));
    let key = Idempotency::key(format!("bench-{number}"));
    Event::new("bench.line", key)
        .tenant(tenant)
        .to(recipient)
        .data(json!({ "text": TEXT, "number": number }))
}

fn at(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (last as f64 * share) as usize;
    sorted.get(place).copied().unwrap_or(f64::NAN)
}

/// What came of one half of a round, or of all.
#[derive(Debug, Default)]
struct Half {
    /// From publish to send, of the small tenant, in milliseconds; sorted.
    times: Vec<f64>,
    /// The part of it that publishing took; sorted by itself.
    published: Vec<f64>,
    steady_per_second: f64,
    flood_per_second: f64,
    rounds: f64,
}

impl Half {
    fn at(&self, share: f64) -> f64 {
        at(&self.times, share)
    }

    /// All rounds as one.
    fn all(halves: Vec<Self>) -> Self {
        let mut all = Self::default();
        for half in halves {
            all.times.extend(half.times);
            all.published.extend(half.published);
            all.steady_per_second += half.steady_per_second;
            all.flood_per_second += half.flood_per_second;
            all.rounds += 1.0;
        }
        all.steady_per_second /= all.rounds;
        all.flood_per_second /= all.rounds;
        all.times.sort_by(f64::total_cmp);
        all.published.sort_by(f64::total_cmp);
        all
    }

    fn told(&self, schema: &str) -> String {
        format!(
            "{schema}: median {:.1} ms, 99 of 100 {:.1}, longest {:.1} of {} (publishing {:.1} and {:.1}); steady {:.0} a second, flood {:.0}",
            self.at(0.5),
            self.at(0.99),
            self.at(1.0),
            self.times.len(),
            at(&self.published, 0.5),
            at(&self.published, 0.99),
            self.steady_per_second,
            self.flood_per_second,
        )
    }

    fn json(&self, load: &str, ratio: Option<f64>) -> Value {
        let round = |value: f64| (value * 100.0).round() / 100.0;
        json!({
            "system": "signalbus", "load": load, "deliveries": self.times.len(),
            "p50_ms": round(self.at(0.5)), "p99_ms": round(self.at(0.99)), "max_ms": round(self.at(1.0)),
            "published_p99_ms": round(at(&self.published, 0.99)),
            "steady_per_second": self.steady_per_second.round(),
            "flood_per_second": self.flood_per_second.round(),
            "ratio_of_p99": ratio.map(round),
        })
    }
}

async fn measure(
    server: &Server,
    schema: &str,
    round: u64,
    rate: Option<u32>,
) -> Result<Half, Box<dyn Error>> {
    let watcher = Watcher::new(rate);
    let signalbus = engine(server, schema, &watcher).await?;
    signalbus.start();
    // Numbers that were not used yet.
    let first = 1 + round * 1_000_000;
    let began = Instant::now();
    let steady = publish(signalbus.clone(), "steady", first, STEADY, TOGETHER);
    let small = publish(signalbus.clone(), "small", first, SMALL, 1);
    let (steady, small) = tokio::spawn(async move { tokio::join!(steady, small) }).await?;
    steady?;
    let asked = small?;
    // What was published last is still on its way.
    let until = Instant::now() + Duration::from_secs(30);
    while watcher.seen().small.len() < asked.len() {
        if Instant::now() > until {
            return Err("what the small tenant published was not sent".into());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed().as_secs_f64();
    let (steady, flood) = {
        let seen = watcher.seen();
        (seen.steady as f64 / took, seen.flood as f64 / took)
    };
    signalbus.shutdown().await;
    let seen = watcher.seen();
    let mut times: Vec<f64> = seen
        .small
        .iter()
        .filter_map(|(number, came)| {
            let call = &asked[usize::try_from(number - first).ok()?];
            let took = came.saturating_duration_since(call.asked).as_secs_f64() * 1_000.0;
            (call.after >= WARM).then_some(took)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let warm = asked.iter().filter(|call| call.after >= WARM);
    let mut published: Vec<f64> = warm.map(|call| call.took.as_secs_f64() * 1_000.0).collect();
    published.sort_by(f64::total_cmp);
    Ok(Half {
        times,
        published,
        steady_per_second: steady,
        flood_per_second: flood,
        rounds: 1.0,
    })
}

/// A call that published.
struct Call {
    asked: Instant,
    /// How long after the begin that was.
    after: Duration,
    took: Duration,
}

/// Publishes at a rate, each when it is its time, however long the last one took.
async fn publish(
    signalbus: Signalbus,
    tenant: &'static str,
    first: u64,
    rate: u64,
    together: u64,
) -> Result<Vec<Call>, String> {
    let count = rate * (WARM + MEASURED).as_secs();
    let began = Instant::now();
    let mut calls = Vec::new();
    for number in (0..count).step_by(usize::try_from(together).unwrap_or(1)) {
        let due = Duration::from_secs_f64(number as f64 / rate as f64);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        let signalbus = signalbus.clone();
        let events = (first + number..first + number + together).map(|n| event(tenant, n));
        let events = events.collect();
        calls.push(tokio::spawn(async move {
            let asked = Instant::now();
            let answers = signalbus.publish_all(events).await;
            let answers = answers.map_err(|error| error.to_string())?;
            match answers.into_iter().find_map(Result::err) {
                None => Ok((asked, asked.elapsed())),
                Some(error) => Err(error.to_string()),
            }
        }));
    }
    let mut all = Vec::new();
    for call in calls {
        let called: Result<(Instant, Duration), String> =
            call.await.map_err(|error| error.to_string())?;
        let (asked, took) = called?;
        let after = asked.saturating_duration_since(began);
        all.push(Call { asked, after, took });
    }
    Ok(all)
}
