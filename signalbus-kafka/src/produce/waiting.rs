use std::{collections::VecDeque, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::item::Item;
use crate::error::Failure;

/// What came of publishing.
pub(super) type Answer = Result<(), Arc<Failure>>;

/// What one call publishes to one partition.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) items: Vec<Item>,
    pub(super) bytes: usize,
    pub(super) done: oneshot::Sender<Answer>,
    /// Given back when it is done.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What waits to be published to one partition.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    jobs: VecDeque<Job>,
    pub(super) bytes: usize,
    /// Whether somebody sees to it.
    pub(super) tended: bool,
}

impl Waiting {
    pub(super) fn push(&mut self, job: Job) {
        self.bytes += job.bytes;
        self.jobs.push_back(job);
    }

    /// Takes the first, and those behind it that fit into a batch with it.
    pub(super) fn take(&mut self, most: usize) -> Vec<Job> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(job) = self.jobs.front()
            && (taken.is_empty() || bytes + job.bytes <= most)
        {
            bytes += job.bytes;
            taken.extend(self.jobs.pop_front());
        }
        self.bytes -= bytes;
        taken
    }

    /// Takes all.
    pub(super) fn drain(&mut self) -> Vec<Job> {
        self.bytes = 0;
        self.jobs.drain(..).collect()
    }
}
