//! The parent's side of a provider: says each byte back, and knows when it came.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Barrier, Mutex},
    time::{Duration, Instant},
};

pub(crate) struct Counter {
    address: String,
    since: Instant,
    /// By connection.
    times: Arc<Mutex<Vec<Vec<Duration>>>>,
    begin: Arc<Barrier>,
}

impl Counter {
    /// For so many processes, of which each says a byte when it is ready.
    pub(crate) fn start(processes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let counter = Self {
            address: listener.local_addr().unwrap().to_string(),
            since: Instant::now(),
            times: Arc::default(),
            begin: Arc::new(Barrier::new(processes + 1)),
        };
        let (times, begin) = (Arc::clone(&counter.times), Arc::clone(&counter.begin));
        let since = counter.since;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (times, begin) = (Arc::clone(&times), Arc::clone(&begin));
                std::thread::spawn(move || count(stream, since, &times, &begin));
            }
        });
        counter
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn now(&self) -> Duration {
        self.since.elapsed()
    }

    /// Waits until all are ready, and lets them begin.
    pub(crate) fn begin(&self) {
        self.begin.wait();
    }

    /// All of them, sorted.
    pub(crate) fn times(&self) -> Vec<Duration> {
        let times = self.times.lock().unwrap();
        let mut times: Vec<Duration> = times.iter().flatten().copied().collect();
        times.sort_unstable();
        times
    }

    pub(crate) fn shares(&self) -> Vec<usize> {
        self.times.lock().unwrap().iter().map(Vec::len).collect()
    }
}

fn count(
    mut stream: TcpStream,
    since: Instant,
    times: &Mutex<Vec<Vec<Duration>>>,
    begin: &Barrier,
) {
    stream.set_nodelay(true).unwrap();
    let number = {
        let mut times = times.lock().unwrap();
        times.push(Vec::new());
        times.len() - 1
    };
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    begin.wait();
    stream.write_all(&byte).unwrap();
    while stream.read_exact(&mut byte).is_ok() {
        times.lock().unwrap()[number].push(since.elapsed());
        if stream.write_all(&byte).is_err() {
            break;
        }
    }
}
