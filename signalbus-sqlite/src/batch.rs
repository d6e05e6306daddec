//! Many items in one statement: one JSON array that `jsonb_each` reads, and one blob that `substr`
//! cuts. A statement costs a trip to another thread, a row of `jsonb_each` next to nothing.
//! (`json_each` would make text of each row, for `->>` to parse again.)

use serde::Serialize;
use signalbus_core::store::StoreError;

use crate::error;

/// Rows for `jsonb_each(?)`; tuples become arrays, so that columns are read with `value ->> 0`.
pub(crate) fn rows<T: Serialize>(rows: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(rows)
        .map_err(|source| error::invalid("a batch cannot be written as JSON").with_source(source))
}

/// Bytes of many items, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Bytes(Vec<u8>);

impl Bytes {
    /// Adds bytes; gives the offset and the length for `substr`, which counts from one.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> (usize, usize) {
        let offset = self.0.len() + 1;
        self.0.extend_from_slice(bytes);
        (offset, bytes.len())
    }

    /// The whole, to bind.
    pub(crate) fn into_vec(self) -> Vec<u8> {
        self.0
    }
}
