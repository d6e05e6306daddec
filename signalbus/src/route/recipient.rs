//! What the engine keeps of one recipient of an event: versioned JSON in a row of its own, opaque to
//! stores.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::content::BlobError;
use crate::event::Recipient;

const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
struct Kept<R> {
    v: u16,
    #[serde(rename = "r")]
    recipient: R,
}

/// The blob of a recipient; `draft` is room to write it in.
pub(crate) fn encode(
    recipient: &Recipient,
    draft: &mut Vec<u8>,
) -> Result<Bytes, serde_json::Error> {
    draft.clear();
    let v = VERSION;
    serde_json::to_writer(&mut *draft, &Kept { v, recipient })?;
    Ok(Bytes::copy_from_slice(draft))
}

pub(crate) fn decode(blob: &[u8]) -> Result<Recipient, BlobError> {
    #[derive(Deserialize)]
    struct Version {
        v: u16,
    }
    match serde_json::from_slice::<Kept<Recipient>>(blob) {
        Ok(kept) if kept.v <= VERSION => Ok(kept.recipient),
        Ok(kept) => Err(BlobError::Newer(kept.v)),
        Err(error) => match serde_json::from_slice::<Version>(blob) {
            Ok(Version { v }) if v > VERSION => Err(BlobError::Newer(v)),
            _ => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_newer_is_known_as_such() {
        let ada = Recipient::new().id("ada").email("ada@example.org");
        let blob = encode(&ada, &mut Vec::new()).unwrap();
        assert_eq!(decode(&blob).unwrap(), ada);
        for newer in [r#"{"v":2,"r":{"addresses":{}}}"#, r#"{"v":2,"x":7}"#] {
            let error = decode(newer.as_bytes()).unwrap_err();
            assert!(matches!(error, BlobError::Newer(2)), "{newer}");
        }
        for broken in ["", "7", r#"{"v":1}"#, r#"{"v":1,"r":7}"#] {
            let error = decode(broken.as_bytes()).unwrap_err();
            assert!(matches!(error, BlobError::Broken(_)), "{broken}");
        }
    }
}
