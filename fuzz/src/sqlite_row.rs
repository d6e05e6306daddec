//! Rows of a SQLite file that may be damaged.

use std::{cell::RefCell, fmt::Debug};

use signalbus::store::{Entry, StoreError, StoreErrorKind};
use signalbus_sqlite::fuzzing::{Rows, Value};
use tokio::runtime::{Builder, Runtime};

use crate::secret;

/// Takes bytes for a kind of row and its values. What cannot be read is called damaged; what can
/// has the values of the row.
pub fn target(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let mut bytes = Bytes(rest);
    with_rows(|runtime, rows| match kind % 4 {
        0 => {
            let values = bytes.values(20);
            if let Some(ready) = read(runtime.block_on(rows.ready(&values))) {
                assert_eq!(Value::Integer(ready.position.0), values[0]);
                assert_eq!(
                    Value::Blob(ready.id.as_uuid().as_bytes().to_vec()),
                    values[1]
                );
                assert_eq!(text(ready.tenant.as_str()), values[3]);
                assert_eq!(text(ready.channel.as_str()), values[4]);
                assert_eq!(integer(ready.class.index()), values[5]);
                assert_eq!(integer(ready.lane.get()), values[6]);
                assert_eq!(Value::Integer(ready.order_key.cast_signed()), values[7]);
                assert_eq!(integer(ready.generation), values[9]);
                assert_eq!(integer(ready.attempt), values[10]);
                assert_eq!(integer(ready.tries), values[11]);
                assert_eq!(Value::Integer(ready.since.as_microsecond()), values[14]);
                assert_eq!(ready.expires_at.is_none(), values[16] == Value::Null);
            }
        }
        1 => {
            let values = bytes.values(23);
            if let Some(delivery) = read(runtime.block_on(rows.delivery(&values))) {
                assert_eq!(text(delivery.topic.as_str()), values[4]);
                assert_eq!(integer(delivery.recipient), values[5]);
                assert_eq!(
                    maybe(delivery.channel.as_ref().map(|name| name.as_str())),
                    values[6]
                );
                assert_eq!(
                    maybe(delivery.reason.as_ref().map(|why| why.as_str())),
                    values[8]
                );
                assert_eq!(maybe(delivery.provider_message_id.as_deref()), values[17]);
                assert_eq!(
                    maybe(delivery.receipt.as_ref().map(|kind| kind.as_str())),
                    values[18]
                );
                let json = serde_json::to_string(&delivery).expect("a delivery is JSON");
                assert!(json.contains(delivery.state.as_str()));
            }
        }
        2 => {
            let values = bytes.values(6);
            if let Some(event) = read(runtime.block_on(rows.event(&values))) {
                assert_eq!(text(event.topic.as_str()), values[2]);
                // The engine reads it as JSON, which SQLite may call text.
                let content = event.content.to_vec();
                let as_text = String::from_utf8(content.clone()).map(Value::Text);
                assert!(Value::Blob(content) == values[5] || as_text.as_ref() == Ok(&values[5]));
                let tells = [event.topic.as_str(), event.tenant.as_str()];
                if !tells.into_iter().any(secret::is_in) {
                    secret::not_debugged(&event);
                }
            }
        }
        _ => {
            let values = bytes.values(3);
            if let Some(line) = read(runtime.block_on(rows.history(&values))) {
                assert_eq!(Value::Integer(line.at.as_microsecond()), values[0]);
                // What a newer version wrote is shown as it is.
                let newer = values[1] != Value::Integer(1);
                assert!(!newer || matches!(line.entry, Entry::Other(_)));
                let body = serde_json::to_string(&line.entry).expect("an entry is JSON");
                let again = [values[0].clone(), values[1].clone(), Value::Text(body)];
                let again = runtime.block_on(rows.history(&again));
                let again = again.expect("it reads what it wrote");
                assert_eq!(
                    serde_json::to_value(&again).expect("a line is JSON"),
                    serde_json::to_value(&line).expect("a line is JSON")
                );
            }
        }
    });
}

fn read<T: Debug>(answer: Result<T, StoreError>) -> Option<T> {
    match answer {
        Ok(value) => Some(value),
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
            None
        }
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn maybe(value: Option<&str>) -> Value {
    value.map_or(Value::Null, text)
}

fn integer<T: TryInto<i64, Error: Debug>>(number: T) -> Value {
    Value::Integer(number.try_into().expect("a number that fits"))
}

/// One database for all inputs of a thread.
fn with_rows(look: impl FnOnce(&Runtime, &mut Rows)) {
    thread_local! {
        static ROWS: RefCell<Option<(Runtime, Rows)>> = const { RefCell::new(None) };
    }
    ROWS.with_borrow_mut(|slot| {
        let (runtime, rows) = slot.get_or_insert_with(|| {
            let runtime = Builder::new_current_thread().build().expect("a runtime");
            let rows = runtime.block_on(Rows::open()).expect("a database");
            (runtime, rows)
        });
        look(runtime, rows);
    });
}

/// Values, one after the other; when the bytes run out, no value.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn values(&mut self, count: usize) -> Vec<Value> {
        (0..count).map(|_| self.value()).collect()
    }

    /// A byte for the kind, then the value; text and bytes begin with their length.
    fn value(&mut self) -> Value {
        let Some(kind) = self.take(1).first().copied() else {
            return Value::Null;
        };
        match kind {
            b'i' => Value::Integer(i64::from_be_bytes(self.array())),
            b's' => Value::Integer(i64::from(i8::from_be_bytes(self.array()))),
            b'r' => Value::Real(f64::from_be_bytes(self.array())),
            b't' => Value::Text(String::from_utf8_lossy(self.counted()).into_owned()),
            b'b' => Value::Blob(self.counted().to_vec()),
            b'u' => Value::Blob(self.array::<16>().to_vec()),
            _ => Value::Null,
        }
    }

    fn counted(&mut self) -> &[u8] {
        let count = u16::from_be_bytes(self.array());
        self.take(count.into())
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let bytes = self.take(N);
        array[..bytes.len()].copy_from_slice(bytes);
        array
    }

    fn take(&mut self, count: usize) -> &[u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
