//! Assertions whose messages show the books.

use std::fmt::Write;

use signalbus_core::DeliveryId;

use super::{Books, Ending, Request};

impl Books {
    /// Somebody got the message of this delivery, once.
    ///
    /// # Panics
    /// When it was sent never or more than once, with a list of all calls.
    #[track_caller]
    pub fn assert_sent_once(&self, delivery: DeliveryId) {
        self.assert_sent_times(delivery, 1);
    }

    /// Nobody got a message of this delivery.
    ///
    /// # Panics
    /// When it was sent, with a list of all calls.
    #[track_caller]
    pub fn assert_not_sent(&self, delivery: DeliveryId) {
        self.assert_sent_times(delivery, 0);
    }

    /// The message of this delivery was got so many times, duplicates included.
    ///
    /// # Panics
    /// When it was sent another number of times, with a list of all calls.
    #[track_caller]
    pub fn assert_sent_times(&self, delivery: DeliveryId, expected: usize) {
        let requests = self.requests();
        let taken = |request: &&Request| request.taken && request.delivery == delivery;
        let times = requests.iter().filter(taken).count();
        assert!(
            times == expected,
            "delivery {delivery} was sent {times} times, not {expected}; {}",
            list(&requests)
        );
    }

    /// Nobody got anything.
    ///
    /// # Panics
    /// When something was sent, with a list of all calls.
    #[track_caller]
    pub fn assert_nothing_sent(&self) {
        self.assert_sent_count(0);
    }

    /// So many messages were got, duplicates included.
    ///
    /// # Panics
    /// When it was another number, with a list of all calls.
    #[track_caller]
    pub fn assert_sent_count(&self, expected: usize) {
        let requests = self.requests();
        let count = requests.iter().filter(|request| request.taken).count();
        assert!(
            count == expected,
            "{count} messages were sent, not {expected}; {}",
            list(&requests)
        );
    }

    /// No delivery was sent twice.
    ///
    /// # Panics
    /// When one was, with a list of its calls.
    #[track_caller]
    pub fn assert_no_duplicates(&self) {
        let sent = self.sent();
        for request in &sent {
            let same: Vec<Request> = sent
                .iter()
                .filter(|other| other.delivery == request.delivery)
                .cloned()
                .collect();
            assert!(
                same.len() == 1,
                "delivery {} was sent {} times; {}",
                request.delivery,
                same.len(),
                list(&same)
            );
        }
    }
}

/// The calls as a table, without addresses and content.
pub(super) fn list(requests: &[Request]) -> String {
    const MOST: usize = 50;
    if requests.is_empty() {
        return "the provider was never called".to_owned();
    }
    let mut table = format!("the provider was called {} times:", requests.len());
    for request in requests.iter().take(MOST) {
        let ending = match &request.ending {
            Ending::Pending => "is still running".to_owned(),
            Ending::Accepted { id: Some(id) } => format!("was accepted as {id}"),
            Ending::Accepted { id: None } => "was accepted".to_owned(),
            Ending::Failed { outcome, fault } => {
                format!("failed: {outcome:?}, fault of {}", fault.as_str())
            }
            Ending::Panicked => "panicked".to_owned(),
            Ending::Dropped => "was dropped by the engine".to_owned(),
        };
        let taken = match (request.taken, request.repeat) {
            (true, _) => ", message taken",
            (false, true) => ", a repeat",
            (false, false) => "",
        };
        // Writing into a string does not fail.
        let _ = write!(
            table,
            "\n  call {}: delivery {}, generation {}, attempt {} {ending}{taken}",
            request.call, request.delivery, request.generation, request.attempt
        );
    }
    if requests.len() > MOST {
        let _ = write!(table, "\n  and {} more", requests.len() - MOST);
    }
    table
}
