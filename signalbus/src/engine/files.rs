//! How many bytes of files may be in memory for sends: asked before a claim, as what is claimed is
//! on its way.

use crate::store::{Position, Ready};

/// Permits by bytes.
#[derive(Debug)]
pub(crate) struct FilePermits {
    budget: u64,
    used: u64,
    /// The first that did not fit. Until it does, none with files goes before it: else small ones
    /// would keep a large one waiting for ever.
    next: Option<Position>,
}

impl FilePermits {
    pub(crate) const fn new(budget: u64) -> Self {
        Self {
            budget,
            used: 0,
            next: None,
        }
    }

    /// Whether there is room for the files of a delivery. What is larger than the budget goes alone.
    pub(crate) fn allow(&mut self, ready: &Ready) -> bool {
        if ready.bytes == 0 {
            return true;
        }
        if self.used == 0 {
            // Also when the one that waited is in hand no more.
            self.next = None;
            return true;
        }
        let fits = self.used.saturating_add(ready.bytes) <= self.budget;
        match self.next {
            None if fits => true,
            None => {
                self.next = Some(ready.position);
                false
            }
            Some(next) => next == ready.position && fits,
        }
    }

    /// Holds room for what is to be sent; what is claimed only to be refused needs none.
    pub(crate) fn hold(&mut self, ready: &Ready, sent: bool) {
        if !sent {
            return;
        }
        self.used = self.used.saturating_add(ready.bytes);
        if self.next == Some(ready.position) {
            self.next = None;
        }
    }

    pub(crate) fn give_back(&mut self, ready: &Ready) {
        self.used = self.used.saturating_sub(ready.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::schedule::waiting_with_files as ready;

    fn start(permits: &mut FilePermits, ready: &Ready) -> bool {
        let allowed = permits.allow(ready);
        if allowed {
            permits.hold(ready, true);
        }
        allowed
    }

    #[test]
    fn no_more_is_let_through_than_the_budget() {
        let mut permits = FilePermits::new(10);
        assert!(start(&mut permits, &ready(1, 6)));
        assert!(start(&mut permits, &ready(2, 4)));
        assert!(!start(&mut permits, &ready(3, 1)));
        assert!(start(&mut permits, &ready(4, 0)), "it has no files");
        permits.give_back(&ready(2, 4));
        assert!(start(&mut permits, &ready(3, 1)));
    }

    #[test]
    fn what_is_larger_than_the_budget_goes_alone_and_is_not_overtaken() {
        let mut permits = FilePermits::new(10);
        assert!(start(&mut permits, &ready(1, 6)));
        assert!(!start(&mut permits, &ready(2, 50)));
        assert!(!start(&mut permits, &ready(3, 1)), "it would overtake");
        permits.give_back(&ready(1, 6));
        assert!(start(&mut permits, &ready(2, 50)));
        assert!(!start(&mut permits, &ready(3, 1)));
        permits.give_back(&ready(2, 50));
        assert!(start(&mut permits, &ready(3, 1)));
    }

    #[test]
    fn one_that_waited_and_went_elsewhere_holds_up_nobody() {
        let mut permits = FilePermits::new(10);
        assert!(start(&mut permits, &ready(1, 6)));
        assert!(!start(&mut permits, &ready(2, 5)));
        permits.give_back(&ready(1, 6));
        assert!(start(&mut permits, &ready(3, 1)));
    }
}
