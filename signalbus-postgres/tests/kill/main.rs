//! Processes killed with SIGKILL at a named point, and started again (promises P1 to P4).
//!
//! Each test starts this binary again as a child with [`orders::Orders`]. The child runs the real
//! engine on a schema of its own; its provider writes one line into a book for every request before
//! it answers. Leases last two seconds: whoever comes after a kill waits for the end of the lease.
//!
//! Requests in the book at the end, for one message:
//!
//! | killed | at least once | at most once |
//! |---|---|---|
//! | before the publish commits | 0, nothing is stored | |
//! | after it, before the answer; published again | 1, `Duplicate` | |
//! | after the claim, before the send | 1 | 0, `outcome_unknown` |
//! | in the provider, before the request | 1 | 0, `outcome_unknown` |
//! | in the provider, after the request | 2, the first `interrupted` | 1, `outcome_unknown` |
//! | after the result is written | 1 | 1 |
//!
//! And for many:
//!
//! | killed | requests |
//! |---|---|
//! | between two batches of a redrive of 20 | 1 for each in the new generation |
//! | after the commit of a batch, before the answer | 1 for each in the new generation |
//! | in a shutdown, with 20 messages, 4 of them in flight, 1 of those settled | 2 for 3, 1 for 17 |
//! | each time one of 21 is sent, one at a time | 3 for it, then dead; 1 for the other 20 |
//! | each time one of 21 is sent, all at once | 4 for it, then dead; 1 or 2 for the other 20 |

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and measures real time"
)]

mod child;
mod orders;
mod parent;
mod poison;
mod provider;
mod publish;
mod redrive;
mod send;
mod shutdown;
mod store;
#[path = "../support/mod.rs"]
mod support;
mod two;
