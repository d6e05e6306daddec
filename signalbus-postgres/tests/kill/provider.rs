//! A channel without templates, and a provider that writes down every request.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use signalbus::{
    Channel, Provider,
    channel::{Address, AddressError, Compose, ComposeError, Part},
    provider::{Delivery, Fault, SendError, Sent},
};
use tokio::sync::Notify;

use crate::orders::{Orders, POISON, Point};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Line;

#[derive(Debug, Clone)]
pub(crate) struct LineAddress(String);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Number(usize);

impl Address for LineAddress {
    fn parse(text: &str) -> Result<Self, AddressError> {
        Ok(Self(text.to_owned()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl Channel for Line {
    const NAME: &'static str = "line";
    const MESSAGE_VERSION: u16 = 1;
    const PARTS: &'static [Part] = &[];
    type Address = LineAddress;
    type Options = ();
    type Message = Number;

    fn compose(&self, input: Compose<'_, Self>) -> Result<Number, ComposeError> {
        serde_json::from_value(input.data["number"].clone())
            .map(Number)
            .map_err(|error| ComposeError::new(error.to_string()))
    }
}

/// Writes `number generation` into the book for every request, then answers.
#[derive(Debug, Clone)]
pub(crate) struct Bookkeeper {
    book: Arc<File>,
    die: Option<Point>,
    refuse: bool,
    requests: Arc<AtomicUsize>,
    /// Lets one send that is held back go on.
    pub(crate) go_on: Arc<Notify>,
}

/// Where the book is in the directory of a test.
pub(crate) fn book(directory: &Path) -> std::path::PathBuf {
    directory.join("book")
}

impl Bookkeeper {
    pub(crate) fn new(orders: &Orders) -> Self {
        let book = OpenOptions::new()
            .append(true)
            .create(true)
            .open(book(&orders.directory))
            .unwrap();
        Self {
            book: Arc::new(book),
            die: orders.die,
            refuse: orders.refuse,
            requests: Arc::default(),
            go_on: Arc::default(),
        }
    }

    /// How many requests this process wrote down.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn write_down(&self, number: usize, generation: u32) {
        // One write: whole, or not there at all.
        let line = format!("{number} {generation}\n");
        (&*self.book).write_all(line.as_bytes()).unwrap();
        self.requests.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Provider<Line> for Bookkeeper {
    fn name(&self) -> &str {
        "bookkeeper"
    }

    async fn send(&self, delivery: Delivery<'_, Line>) -> Result<Sent, SendError> {
        let Number(number) = *delivery.message;
        Point::BeforeRequest.reached(self.die);
        self.write_down(number, delivery.generation);
        Point::AfterRequest.reached(self.die);
        if number == POISON {
            Point::OnPoison.reached(self.die);
        }
        if self.die == Some(Point::InShutdown) {
            self.go_on.notified().await;
        }
        if self.refuse {
            return Err(SendError::permanent(Fault::Recipient, "nobody there"));
        }
        Ok(Sent::new())
    }
}
