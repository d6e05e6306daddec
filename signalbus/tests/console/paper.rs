//! Something to print to.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Mutex},
    thread,
};

/// Takes a few bytes at a time, so that whoever writes at the same time has every chance to get
/// in between.
#[derive(Clone, Default)]
pub(crate) struct Paper {
    bytes: Arc<Mutex<Vec<u8>>>,
    failure: Arc<Mutex<Option<Failure>>>,
}

/// What goes wrong next.
#[derive(Clone, Copy)]
pub(crate) enum Failure {
    /// Nothing is taken until it is mended.
    Closed,
    /// The paper ends in the middle of the next page.
    Short,
    /// The printing panics, once.
    Bug,
}

impl Paper {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap()
    }

    pub(crate) fn fail(&self, failure: Option<Failure>) {
        *self.failure.lock().unwrap() = failure;
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(7);
        let failure = *self.failure.lock().unwrap();
        match failure {
            Some(Failure::Closed) => return Err(ErrorKind::BrokenPipe.into()),
            Some(Failure::Short) => self.fail(Some(Failure::Closed)),
            Some(Failure::Bug) => {
                self.fail(None);
                panic!("a bug of the writer");
            }
            None => {}
        }
        self.bytes
            .lock()
            .unwrap()
            .extend_from_slice(&bytes[..count]);
        thread::yield_now();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
