//! The engine's record of an event, as stores keep it.

use serde_json::Value;
use signalbus::fuzzing::{self, Refused};

/// Takes bytes for a record.
pub fn target(data: &[u8]) {
    let Ok(written) = fuzzing::content(data) else {
        return;
    };
    let again = fuzzing::content(&written).expect("a record reads what it wrote");
    assert_eq!(again, written);

    // A field that is not known is passed over, whatever is in it.
    let Ok(mut record) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    // Not what was written above: of a field that was there twice, one is left.
    let known = read(&record).expect("a record stays one");
    let fields = record.as_object_mut().expect("a record is an object");
    // A release of the same version may add a field; a release of another version anything.
    fields.insert("not known yet".to_owned(), Value::Bool(true));
    assert_eq!(read(&record), Ok(known));
    record["v"] = 2.into();
    assert_eq!(read(&record), Err(Refused::Newer(2)));
    record["options"] = Value::from("somebody");
    assert_eq!(read(&record), Err(Refused::Newer(2)));
    record["v"] = 1.into();
    assert_eq!(read(&record), Err(Refused::Broken));
}

fn read(record: &Value) -> Result<Vec<u8>, Refused> {
    let blob = serde_json::to_vec(record).expect("JSON");
    fuzzing::content(&blob).map(Vec::from)
}
