use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use signalbus_core::{
    Channel, Clock, DeliveryId,
    channel::Address,
    provider::{Delivery, SendError, Sent},
};
use tokio::sync::watch;

use super::{Ending, Moment, Request, check};

/// What a provider for tests was asked to do and did, in the order of calls.
///
/// Clones are the same books. Nothing in them comes from the engine's own records: they are the
/// second witness.
#[derive(Clone)]
pub struct Books {
    clock: Arc<dyn Clock>,
    pages: Arc<Mutex<Pages>>,
    changed: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
struct Pages {
    requests: Vec<Request>,
    sequence: u64,
}

impl Books {
    /// How long [`Books::until`] waits, in tokio's time: 30 s.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            pages: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
        }
    }

    /// All calls, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// The calls by which somebody got a message. A repeat that was recognised is not among them.
    #[must_use]
    pub fn sent(&self) -> Vec<Request> {
        self.matching(|request| request.taken)
    }

    /// The calls for one delivery.
    #[must_use]
    pub fn requests_of(&self, delivery: DeliveryId) -> Vec<Request> {
        self.matching(|request| request.delivery == delivery)
    }

    /// The calls by which this address got a message.
    #[must_use]
    pub fn sent_to<A: Address>(&self, address: &A) -> Vec<Request> {
        self.matching(|request| request.taken && request.address == address.as_str())
    }

    /// How many calls run now.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.matching(Request::is_pending).len()
    }

    /// The most calls that ever ran at once.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        let mut steps: Vec<(u64, bool)> = Vec::new();
        for request in &self.lock().requests {
            steps.push((request.called.sequence, true));
            steps.extend(request.ended.map(|ended| (ended.sequence, false)));
        }
        steps.sort_unstable();
        let running = steps.iter().scan(0_usize, |running, (_, begins)| {
            *running = if *begins { *running + 1 } else { *running - 1 };
            Some(*running)
        });
        running.max().unwrap_or(0)
    }

    /// Waits until the calls are as they should be, and gives them back.
    ///
    /// # Panics
    /// When they are not after [`Books::PATIENCE`], with a list of the calls.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that waits for ever says nothing, and its own clock may stand still"
    )]
    pub async fn until(&self, done: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let mut changes = self.changed.subscribe();
        let reached = async {
            loop {
                let requests = self.requests();
                if done(&requests) {
                    return requests;
                }
                // The sender lives in these books.
                let _ = changes.changed().await;
            }
        };
        match tokio::time::timeout(Self::PATIENCE, reached).await {
            Ok(requests) => requests,
            Err(_) => panic!(
                "waited {:?} in vain; {}",
                Self::PATIENCE,
                check::list(&self.requests())
            ),
        }
    }

    /// Waits until this many calls are answered by which somebody got a message, and gives back
    /// those calls.
    ///
    /// # Panics
    /// When there are fewer after [`Books::PATIENCE`], with a list of the calls.
    pub async fn until_sent(&self, count: usize) -> Vec<Request> {
        let sent = |request: &&Request| request.taken && !request.is_pending();
        let requests = self
            .until(|requests| requests.iter().filter(sent).count() >= count)
            .await;
        requests.into_iter().filter(|r| sent(&r)).collect()
    }

    fn matching(&self, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        let pages = self.lock();
        pages
            .requests
            .iter()
            .filter(|r| wanted(r))
            .cloned()
            .collect()
    }

    /// Writes down a call.
    pub(super) fn open<C: Channel>(&self, delivery: &Delivery<'_, C>) -> Open<'_> {
        let json = serde_json::to_value(delivery.message).unwrap_or(Value::Null);
        let call = self.write(|pages, now| {
            let call = u64::try_from(pages.requests.len()).unwrap_or(u64::MAX) + 1;
            pages.requests.push(Request {
                call,
                delivery: delivery.id,
                event: delivery.event,
                tenant: delivery.tenant.clone(),
                generation: delivery.generation,
                attempt: delivery.attempt,
                reference: delivery.reference(),
                address: delivery.to.as_str().to_owned(),
                json,
                expires_at: delivery.expires_at,
                called: now,
                started: None,
                taken: false,
                repeat: false,
                ended: None,
                ending: Ending::Pending,
            });
            call
        });
        Open { books: self, call }
    }

    /// The id that a message of this reference was given, if it was taken within this time.
    pub(super) fn find(&self, reference: &str, within: Duration) -> Option<Sent> {
        let oldest = self.clock.monotonic().saturating_sub(within);
        let pages = self.lock();
        let request = pages.requests.iter().find(|request| {
            request.taken && request.reference == reference && request.called.monotonic >= oldest
        })?;
        Some(match &request.ending {
            Ending::Accepted { id: Some(id) } => Sent::with_id(id),
            _ => Sent::new(),
        })
    }

    fn write<R>(&self, write: impl FnOnce(&mut Pages, Moment) -> R) -> R {
        let written = {
            let mut pages = self.lock();
            pages.sequence += 1;
            let now = Moment {
                sequence: pages.sequence,
                wall: self.clock.now(),
                monotonic: self.clock.monotonic(),
            };
            write(&mut pages, now)
        };
        self.changed.send_modify(|changes| *changes += 1);
        written
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Books {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Books")
            .field("requests", &self.lock().requests)
            .finish_non_exhaustive()
    }
}

/// A call that runs. When it is dropped without an ending, so was the call.
pub(super) struct Open<'a> {
    books: &'a Books,
    call: u64,
}

impl Open<'_> {
    pub(super) fn call(&self) -> u64 {
        self.call
    }

    pub(super) fn started(&self) {
        self.change(|request, now| request.started = Some(now));
    }

    pub(super) fn taken(&self) {
        self.change(|request, _| request.taken = true);
    }

    pub(super) fn repeated(&self) {
        self.change(|request, _| request.repeat = true);
    }

    pub(super) fn accepted(&self, sent: &Sent) {
        let id = sent.id().map(str::to_owned);
        self.end(Ending::Accepted { id });
    }

    pub(super) fn failed(&self, error: &SendError) {
        self.end(Ending::Failed {
            outcome: error.outcome(),
            fault: error.fault(),
        });
    }

    pub(super) fn panicked(&self) {
        self.end(Ending::Panicked);
    }

    fn end(&self, ending: Ending) {
        self.change(|request, now| {
            if request.is_pending() {
                request.ending = ending;
                request.ended = Some(now);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Request, Moment)) {
        self.books.write(|pages, now| {
            let index = usize::try_from(self.call - 1).unwrap_or(usize::MAX);
            if let Some(request) = pages.requests.get_mut(index) {
                change(request, now);
            }
        });
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.end(Ending::Dropped);
    }
}
