//! What the API costs beside what it is for: `POST /v1/events` over a socket of this machine into the store
//! in memory, in batches of 100, beside parsing the same JSON and calling `publish_all`; and single
//! requests beside a bare axum handler that parses the same JSON. CPU time of the server alone: the client
//! runs on a thread of its own, whose time is not counted.
//!
//! `cargo bench -p signalbus-benches --bench api`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{
    error::Error,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
    thread,
    time::Duration,
};

use axum::{Router, routing::post};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use signalbus::{
    Entropy, Event, MemoryStore, Policy, Signalbus,
    directory::{
        MemoryDirectory, Owner,
        keys::{NewKey, Pepper, Scope},
    },
    http::{Api, ServeOptions, api::ApiLimits, serve},
    store::{DeliveryFilter, PageToken},
};
use signalbus_benches::{NoTemplates, Taker};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const BATCHES: usize = 200;
const BATCH: usize = 100;
const SINGLES: usize = 5_000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    println!(
        "{BATCHES} batches of {BATCH} events, {ROUNDS} rounds; CPU of the server for one event"
    );
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let bodies: Vec<Vec<u8>> = (0..BATCHES).map(|number| batch(round, number)).collect();
        let direct = direct(&bodies)?;
        let api = over_api(&bodies)?;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / (BATCHES * BATCH) as f64;
        let ratio = direct.as_secs_f64() / api.as_secs_f64();
        println!(
            "    parse and publish_all {:.2} µs, over the API {:.2} µs: {:.0} %",
            each(direct),
            each(api),
            ratio * 100.0
        );
        ratios.push(ratio);
    }
    println!("    median {:.0} %, 70 % wanted", median(ratios) * 100.0);
    println!("{SINGLES} single requests, {ROUNDS} rounds; CPU of the server for one request");
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let bodies: Vec<Vec<u8>> = (0..SINGLES).map(|number| single(round, number)).collect();
        let bare = over_bare(&bodies)?;
        let api = over_api(&bodies)?;
        let each = |time: Duration| time.as_secs_f64() * 1e6 / SINGLES as f64;
        let ratio = api.as_secs_f64() / bare.as_secs_f64();
        println!(
            "    bare handler {:.1} µs, API {:.1} µs: {ratio:.2} times",
            each(bare),
            each(api)
        );
        ratios.push(ratio);
    }
    println!("    median {:.2} times", median(ratios));
    Ok(())
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn event(key: String) -> serde_json::Value {
    json!({
        "topic": "bench.line",
        "to": [{ "id": "somebody", "addresses": { "line": key } }],
        "idempotency": { "key": key },
        "data": { "text": "your parcel is on its way", "number": 7, "tags": ["a", "b", "c"] },
    })
}

fn batch(round: usize, number: usize) -> Vec<u8> {
    let events = (0..BATCH).map(|place| event(format!("{round}-{number}-{place}")));
    json!(events.collect::<Vec<_>>()).to_string().into_bytes()
}

fn single(round: usize, number: usize) -> Vec<u8> {
    event(format!("{round}-{number}")).to_string().into_bytes()
}

fn engine() -> Outcome<Signalbus> {
    let builder = Signalbus::builder()
        .shared_store(Arc::new(MemoryStore::new()))
        .channel(NoTemplates, Taker::default())
        .policy(Policy::new().on::<NoTemplates>("bench.*"));
    Ok(builder.build()?)
}

/// What the API is for, without it.
fn direct(bodies: &[Vec<u8>]) -> Outcome<Duration> {
    let signalbus = engine()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let start = thread_time();
    for body in bodies {
        let events: Vec<Event> = serde_json::from_slice(body)?;
        for answer in runtime.block_on(signalbus.publish_all(events))? {
            answer?;
        }
    }
    let took = thread_time() - start;
    check(&runtime, &signalbus, bodies.len() * BATCH)?;
    Ok(took)
}

fn over_api(bodies: &[Vec<u8>]) -> Outcome<Duration> {
    let signalbus = engine()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let pepper = Pepper::generate(&Entropy::from_os());
    let api = Api::new(signalbus.clone(), Arc::new(MemoryDirectory::new()), pepper)
        .limits(ApiLimits::default());
    let new = NewKey::new(Owner::Host, "bench", [Scope::Publish]);
    let (token, _) = runtime.block_on(api.keys().issue("bench", new))?;
    // As it is by default, but that nobody is told to come later.
    let api = api.limits(
        ApiLimits::default().with_rate(Some(signalbus::http::api::Rate::new(
            u32::MAX / 60,
            u32::MAX / 60,
        ))),
    );
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}",
        token.expose()
    );
    let took = served(&runtime, api.router(), &head, bodies)?;
    let events = if bodies.len() == SINGLES {
        SINGLES
    } else {
        bodies.len() * BATCH
    };
    check(&runtime, &signalbus, events)?;
    Ok(took)
}

fn over_bare(bodies: &[Vec<u8>]) -> Outcome<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let handler =
        async |axum::Json(event): axum::Json<Event>| axum::Json(json!({ "topic": event.topic }));
    let router = Router::new().route("/v1/events", post(handler));
    served(
        &runtime,
        router,
        "POST /v1/events HTTP/1.1\r\nhost: a",
        bodies,
    )
}

/// The CPU time of this thread, which serves, while another one asks.
fn served(
    runtime: &tokio::runtime::Runtime,
    router: Router,
    head: &str,
    bodies: &[Vec<u8>],
) -> Outcome<Duration> {
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (done, told) = tokio::sync::oneshot::channel::<()>();
        let requests: Vec<Vec<u8>> = bodies
            .iter()
            .map(|body| {
                let head = format!(
                    "{head}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                [head.as_bytes(), body].concat()
            })
            .collect();
        let client = thread::spawn(move || {
            let result = ask(address, &requests);
            // The server is gone when nobody listens.
            let _ = done.send(());
            result
        });
        let start = thread_time();
        serve(listener, router, ServeOptions::default(), async {
            let _ = told.await;
        })
        .await?;
        let took = thread_time() - start;
        client.join().map_err(|_| "the client panicked")??;
        Ok(took)
    })
}

fn ask(address: std::net::SocketAddr, requests: &[Vec<u8>]) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    let mut reader = BufReader::new(stream.try_clone().map_err(text)?);
    let mut body = Vec::new();
    for request in requests {
        stream.write_all(request).map_err(text)?;
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).map_err(text)?;
        let good = line.starts_with("HTTP/1.1 20");
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).map_err(text)?;
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.trim().parse().map_err(|_| "a length".to_owned())?;
            }
            if header == "\r\n" {
                break;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).map_err(text)?;
        if !good {
            return Err(format!("{line}{}", String::from_utf8_lossy(&body)));
        }
    }
    Ok(())
}

/// All of it was done.
fn check(runtime: &tokio::runtime::Runtime, signalbus: &Signalbus, events: usize) -> Outcome<()> {
    let filter = DeliveryFilter::new();
    let tally = runtime.block_on(signalbus.tally(&filter))?;
    let stored: u64 = tally.iter().map(|line| line.count).sum();
    let page = runtime.block_on(signalbus.list(&filter, PageToken::first(1)))?;
    if stored != u64::try_from(events)? || page.items.len() != 1 {
        return Err(format!("{stored} of {events} events are stored").into());
    }
    Ok(())
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
