//! What has to do with buses: how far others were read, and one of our own in a table.

mod deliver;
pub(crate) mod positions;
mod reader;
mod subscription;
mod table;

pub use table::PostgresBus;
