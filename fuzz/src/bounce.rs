//! What comes back to the sender of a mail.

use signalbus::DeliveryId;
use signalbus_smtp::{BounceKey, BounceReader, fuzzing};
use uuid::Uuid;

use crate::secret;

/// Takes any bytes for a report. `{token}` in them is the proof of a delivery.
pub fn target(data: &[u8]) {
    let key = BounceKey::new("a secret of the fuzz targets, long enough").expect("a key");
    let delivery = DeliveryId::from_uuid(Uuid::from_u128(7));
    let token = fuzzing::token(&key, delivery).expect("a token");
    let reader = BounceReader::new(key, "smtp").expect("a reader");
    match std::str::from_utf8(data) {
        Ok(text) => read(
            &reader,
            text.replace("{token}", &token).as_bytes(),
            delivery,
        ),
        Err(_) => read(&reader, data, delivery),
    }
}

fn read(reader: &BounceReader, mail: &[u8], delivery: DeliveryId) {
    match reader.read(mail) {
        Ok(bounces) => {
            assert!(!bounces.is_empty(), "a report about nothing");
            for bounce in bounces {
                assert_eq!(bounce.delivery, delivery, "a delivery that nobody proved");
                assert!(bounce.receipt.is_some(), "it went to one recipient");
            }
        }
        Err(error) => secret::not_told_by(&error),
    }
}
