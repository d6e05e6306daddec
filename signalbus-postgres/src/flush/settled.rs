//! Results as columns.

use signalbus_core::store::{AttemptOutcome, Entry, Next, Settle, StoreError};
use uuid::Uuid;

use super::write::Word;
use crate::{
    codec::{self, READY, end_code, lane_column, message_hash},
    error, history,
    text::{clean, clean_or_none},
};

/// Columns of results.
#[derive(Default)]
pub(super) struct Settles<'a> {
    pub(super) positions: Vec<i64>,
    pub(super) ids: Vec<Uuid>,
    pub(super) lanes: Vec<i64>,
    pub(super) generations: Vec<i64>,
    pub(super) attempts: Vec<i64>,
    pub(super) asked: Vec<i16>,
    pub(super) delays: Vec<i64>,
    pub(super) reasons: Vec<Word<'a>>,
    pub(super) failures: Vec<i64>,
    pub(super) suspicions: Vec<i64>,
    pub(super) providers: Vec<Option<&'a str>>,
    pub(super) message_ids: Vec<Word<'a>>,
    pub(super) message_hashes: Vec<Option<i64>>,
    pub(super) renderings: Vec<Option<&'a [u8]>>,
    pub(super) bodies: Vec<String>,
    pub(super) tries: Vec<i64>,
    pub(super) until: Vec<Option<i64>>,
    pub(super) memos: Vec<Option<&'a [u8]>>,
}

impl<'a> Settles<'a> {
    pub(super) fn of(settles: &'a [Settle]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for settle in settles {
            columns.push(settle)?;
        }
        Ok(columns)
    }

    fn push(&mut self, settle: &'a Settle) -> Result<(), StoreError> {
        let (asked, delay, reason) = match &settle.next {
            Next::End(end, reason) => (end_code(*end), 0, Some(clean(reason.as_str()))),
            Next::Retry(delay) => (READY, micros(*delay), None),
            Next::Later { .. } => (READY, 0, None),
            _ => return Err(error::unsupported("what should come next is not known")),
        };
        let (provider, message_id) = match &settle.record.outcome {
            AttemptOutcome::Accepted { id } => (settle.record.provider.as_ref(), id.as_deref()),
            _ => (None, None),
        };
        let message_id = clean_or_none(message_id);
        self.positions.push(settle.position.0);
        self.ids.push(*settle.id.as_uuid());
        self.lanes.push(lane_column(settle.lane));
        self.generations.push(i64::from(settle.generation));
        self.attempts.push(i64::from(settle.attempt));
        self.asked
            .push(i16::try_from(asked).map_err(|_| error::invalid("a code is out of its range"))?);
        self.delays.push(delay);
        self.reasons.push(reason);
        self.failures.push(i64::from(settle.failures));
        self.suspicions.push(i64::from(settle.suspicion));
        self.providers.push(provider.map(|name| name.as_str()));
        self.message_hashes
            .push(message_id.as_deref().map(message_hash));
        self.message_ids.push(message_id);
        self.renderings.push(settle.rendering.as_deref());
        self.bodies
            .push(history::body(&Entry::Attempt(settle.record.clone()))?);
        self.tries.push(i64::from(settle.tries));
        self.until.push(match &settle.next {
            Next::Later { until, .. } => Some(codec::micros(*until)),
            _ => None,
        });
        self.memos.push(settle.memo.as_deref());
        Ok(())
    }
}

/// Far longer than any retry, and short enough to be added to a time.
const LONGEST: i64 = 300_000_000_000_000_000;

fn micros(delay: std::time::Duration) -> i64 {
    i64::try_from(delay.as_micros()).map_or(LONGEST, |delay| delay.min(LONGEST))
}
