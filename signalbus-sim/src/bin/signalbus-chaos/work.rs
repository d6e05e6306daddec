//! What was offered to a host, and what of it was done.

use std::{collections::HashSet, time::Duration};

use signalbus::Timestamp;
use signalbus_sim::history::{Event, Request, Seen};

/// What publishers and the provider wrote down so far.
pub(crate) struct Books {
    pub(crate) publications: Vec<Event>,
    pub(crate) book: Vec<Event>,
}

/// What was offered in some time, and how much of it was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Work {
    offered: usize,
    sent: usize,
    time: Duration,
}

impl Work {
    /// In percent of what was offered. Nothing is done where nothing is offered.
    pub(crate) fn share(&self) -> f64 {
        100.0 * self.sent as f64 / self.offered.max(1) as f64
    }

    pub(crate) fn print(&self, when: &str, behind: &str) {
        let seconds = self.time.as_secs_f64();
        println!(
            "{when:<12} {:.1} a second offered, {:.1} sent, {:.1} %{behind}",
            self.offered as f64 / seconds,
            self.sent as f64 / seconds,
            self.share(),
        );
    }
}

impl Books {
    fn requests(&self) -> impl Iterator<Item = (&Event, &Request)> {
        self.book.iter().filter_map(|line| match &line.seen {
            Seen::Request(request) => Some((line, request)),
            _ => None,
        })
    }

    /// Whether anything was sent since then.
    pub(crate) fn sent_since(&self, since: Timestamp) -> bool {
        self.requests().any(|(line, _)| line.wall >= since)
    }

    /// What was asked to be published in this time, and how much of it was sent by a time.
    pub(crate) fn work(&self, since: Timestamp, until: Timestamp, by: Timestamp) -> Work {
        let offered: HashSet<&str> = self
            .publications
            .iter()
            .filter(|line| line.wall >= since && line.wall < until)
            .filter_map(|line| match &line.seen {
                Seen::Publish(publish) => Some(&*publish.content),
                _ => None,
            })
            .collect();
        let in_time = self.requests().filter(|(line, _)| line.wall < by);
        let sent: HashSet<&str> = in_time.map(|(_, sent)| &*sent.content).collect();
        Work {
            sent: offered.intersection(&sent).count(),
            offered: offered.len(),
            time: signalbus::clock::until(since, until),
        }
    }

    /// Whether all is sent that publishers were told is accepted before this time.
    pub(crate) fn is_all_sent(&self, before: Timestamp) -> bool {
        let sent: HashSet<_> = self.requests().map(|(_, sent)| sent.delivery).collect();
        let early = self.publications.iter().filter(|line| line.wall < before);
        early
            .filter_map(|line| match &line.seen {
                Seen::Published { deliveries, .. } => Some(deliveries),
                _ => None,
            })
            .flatten()
            .all(|delivery| sent.contains(delivery))
    }
}
