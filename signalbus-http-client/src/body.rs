//! The body of a request: it tells when it goes out.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use signalbus_core::provider::Latch;

/// The most bytes handed over at once, so that progress can be seen.
const PIECE: usize = 64 * 1024;

/// How much of a body was handed to the connection, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Progress(AtomicU64);

impl Progress {
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.0
            .fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Decides, once and for all, whether a request was started or given up. The body is read in a task
/// of the HTTP client, so "it begins" and "too late" can happen at once.
#[derive(Debug)]
pub(crate) struct Gate {
    state: AtomicU8,
    latch: Latch,
}

const OPEN: u8 = 0;
const STARTED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The request was given up before it began.
#[derive(Debug, thiserror::Error)]
#[error("the request was given up before it was sent")]
pub(crate) struct GivenUp;

impl Gate {
    pub(crate) fn new(latch: Latch) -> Self {
        Self {
            state: AtomicU8::new(OPEN),
            latch,
        }
    }

    /// Starts the request, unless it was given up before.
    pub(crate) fn start(&self) -> Result<(), GivenUp> {
        // Before the state, so that nobody sees a started request with an open latch.
        self.latch.set();
        match self.decide(STARTED) {
            GIVEN_UP => Err(GivenUp),
            _ => Ok(()),
        }
    }

    /// Gives the request up, unless it was started before; says whether it was started.
    pub(crate) fn give_up(&self) -> bool {
        self.decide(GIVEN_UP) == STARTED
    }

    pub(crate) fn is_started(&self) -> bool {
        self.state.load(Ordering::Acquire) == STARTED
    }

    /// The first decision stands.
    fn decide(&self, state: u8) -> u8 {
        let decided = self
            .state
            .compare_exchange(OPEN, state, Ordering::AcqRel, Ordering::Acquire);
        decided.map_or_else(|earlier| earlier, |_| state)
    }
}

/// Passes the gate right before its last piece is handed over. The HTTP client asks for a piece only
/// when there is a connection, and before it writes what it has; a server must not act on a message
/// that is incomplete (RFC 9112 section 8), so nothing before the last piece can cause a send.
///
/// Its length is known, so it is sent with `Content-Length`. It cannot be copied, so no client
/// below can send it twice.
#[derive(Debug)]
pub(crate) struct SendBody {
    pieces: VecDeque<Bytes>,
    left: u64,
    gate: Arc<Gate>,
    progress: Arc<Progress>,
}

impl SendBody {
    pub(crate) fn new(pieces: Vec<Bytes>, gate: Arc<Gate>, progress: Arc<Progress>) -> Self {
        let pieces: VecDeque<Bytes> = pieces.into_iter().filter(|p| !p.is_empty()).collect();
        let left = pieces.iter().map(|piece| piece.len() as u64).sum();
        Self {
            pieces,
            left,
            gate,
            progress,
        }
    }
}

impl Body for SendBody {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        let Some(first) = self.pieces.front_mut() else {
            return Poll::Ready(None);
        };
        let piece = first.split_to(first.len().min(PIECE));
        if first.is_empty() {
            self.pieces.pop_front();
        }
        if self.pieces.is_empty()
            && let Err(given_up) = self.gate.start()
        {
            return Poll::Ready(Some(Err(given_up)));
        }
        self.left -= piece.len() as u64;
        self.progress.add(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn only_the_last_piece_starts_the_request() {
        let latch = Latch::default();
        let progress = Arc::<Progress>::default();
        let pieces = vec![
            Bytes::from(vec![b'a'; PIECE + 1]),
            Bytes::new(),
            Bytes::from_static(b"end"),
        ];
        let mut body = SendBody::new(
            pieces,
            Arc::new(Gate::new(latch.clone())),
            Arc::clone(&progress),
        );
        let total = PIECE as u64 + 4;
        assert_eq!(body.size_hint().exact(), Some(total));
        let mut context = Context::from_waker(Waker::noop());
        let mut next = || Pin::new(&mut body).poll_frame(&mut context);
        for (length, set) in [(PIECE, false), (1, false), (3, true)] {
            let Poll::Ready(Some(Ok(frame))) = next() else {
                panic!("a piece");
            };
            assert_eq!(frame.data_ref().map(Bytes::len), Some(length));
            assert_eq!(latch.is_set(), set);
        }
        assert!(matches!(next(), Poll::Ready(None)));
        assert_eq!(progress.bytes(), total);
    }

    #[test]
    fn a_request_that_was_given_up_is_never_completed() {
        let gate = Arc::new(Gate::new(Latch::default()));
        let pieces = vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")];
        let mut body = SendBody::new(pieces, Arc::clone(&gate), Arc::default());
        let mut context = Context::from_waker(Waker::noop());
        let mut next = || Pin::new(&mut body).poll_frame(&mut context);
        assert!(matches!(next(), Poll::Ready(Some(Ok(_)))));
        assert!(!gate.give_up());
        assert!(matches!(next(), Poll::Ready(Some(Err(GivenUp)))));
        assert!(!gate.is_started());
    }

    #[test]
    fn a_request_that_was_started_cannot_be_given_up() {
        let gate = Gate::new(Latch::default());
        gate.start().unwrap();
        assert!(gate.give_up());
    }
}
