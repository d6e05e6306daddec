//! Our word for a message, told back by Mailgun.

use sha2::{Digest, Sha256};
use signalbus_core::{DeliveryId, name::TenantId, provider::parse_reference};

/// The variable it travels in. Mailgun tells variables back in events, and writes them into the
/// header `X-Mailgun-Variables` of the mail unless told to leave it out, which requests do.
pub(crate) const VARIABLE: &str = "signalbus";

/// Tenant, reference and a mark of the recipient, as in `acme/019a….1/3f9c01d2`. None has a slash.
pub(crate) fn write(tenant: &TenantId, reference: &str, mark: &str) -> String {
    format!("{tenant}/{reference}/{mark}")
}

/// Whom a mail is for, so that what is said of a copy is not taken for what is said of it. Of eight hex
/// digits, and different for each delivery.
pub(crate) fn mark(delivery: DeliveryId, address: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(format!("{delivery}/{address}")).into();
    digest[..4]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A mail of ours: tenant, delivery and generation.
pub(crate) type Ours = (TenantId, DeliveryId, u32);

/// Reads what [`write()`] gave, the mark if it is there; none when it is not ours.
pub(crate) fn read(text: &str) -> Option<(Ours, Option<String>)> {
    let (tenant, rest) = text.split_once('/')?;
    let (reference, mark) = match rest.split_once('/') {
        Some((reference, mark)) => (reference, Some(mark.to_owned())),
        None => (rest, None),
    };
    let (delivery, generation) = parse_reference(reference)?;
    Some(((TenantId::new(tenant).ok()?, delivery, generation), mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01998c5e-0000-7000-8000-000000000001";

    #[test]
    fn what_is_written_is_read() {
        let tenant = TenantId::new("acme.eu").unwrap();
        for (reference, generation) in [(ID.to_owned(), 0), (format!("{ID}.3"), 3)] {
            let ours = (tenant.clone(), ID.parse().unwrap(), generation);
            let read = read(&write(&tenant, &reference, "3f9c01d2")).unwrap();
            assert_eq!(read, (ours, Some("3f9c01d2".to_owned())));
        }
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        for text in ["", "acme", ID, "/", "acme/", "acme/1", "a b/x"] {
            assert_eq!(read(text), None, "{text}");
        }
        for reference in [format!("{ID}.0"), format!("{ID}.01"), format!("{ID}.x")] {
            assert_eq!(read(&format!("acme/{reference}")), None, "{reference}");
        }
    }
}
