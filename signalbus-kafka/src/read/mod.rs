//! Reading one partition: a loop that fetches, and what becomes of the bytes.

mod aborted;
mod chunk;
mod fetch;
mod header;
mod partition;

pub(crate) use chunk::Chunk;
pub(crate) use partition::{News, Reading, Source};
