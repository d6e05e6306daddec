//! Our own connections to brokers, for all but publishing: each call has a deadline, and batches are
//! seen with their headers, so that records of aborted transactions are known.

mod cluster;
mod connection;
mod offsets;
mod question;
mod sign_in;

pub(crate) use cluster::Cluster;
pub(crate) use connection::Connection;
pub(crate) use offsets::{At, Offsets};
