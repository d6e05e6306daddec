//! A provider that writes down what it sent, in a file that all workers share.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
};

use signalbus::{
    Provider, async_trait,
    channel::Sms,
    provider::{Delivery, Fault, SendError, Sent},
};

#[derive(Debug, Clone)]
pub(crate) struct Book(Arc<File>);

impl Book {
    pub(crate) fn open(path: &Path) -> Self {
        let file = OpenOptions::new().append(true).create(true).open(path);
        Self(Arc::new(file.unwrap()))
    }
}

#[async_trait]
impl Provider<Sms> for Book {
    fn name(&self) -> &str {
        "book"
    }

    async fn send(&self, delivery: Delivery<'_, Sms>) -> Result<Sent, SendError> {
        // One write of one line, which others do not come between.
        let line = format!("{}\n", delivery.message.text);
        (&*self.0)
            .write_all(line.as_bytes())
            .map_err(|error| SendError::retryable(Fault::Provider, error.to_string()))?;
        Ok(Sent::new())
    }
}

/// Checks that every number was sent, and that the numbers of each person were first sent in their
/// order. Answers how many sends there were, and how many of them repeat another: those of which
/// nobody knew, after a kill, whether they had been.
pub(crate) fn check(path: &Path, events: usize, people: usize) -> (usize, usize) {
    let text = std::fs::read_to_string(path).unwrap();
    let mut seen = vec![false; events];
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    let mut sends = 0;
    for line in text.lines() {
        let number: usize = line.parse().unwrap();
        sends += 1;
        if std::mem::replace(&mut seen[number], true) {
            continue;
        }
        let before = last.insert(number % people, number);
        let expected = before.map_or(number % people, |before| before + people);
        assert_eq!(number, expected, "out of its order");
    }
    assert!(seen.iter().all(|seen| *seen), "not every number was sent");
    (sends, sends - events)
}
