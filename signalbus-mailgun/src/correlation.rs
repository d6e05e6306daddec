//! Our word for a message, told back by Mailgun.

use signalbus_core::{DeliveryId, name::TenantId, provider::parse_reference};

/// The variable it travels in. Mailgun tells variables back in events, and writes them into the
/// header `X-Mailgun-Variables` of the mail unless told to leave it out, which requests do.
pub(crate) const VARIABLE: &str = "signalbus";

/// Tenant and reference, as in `acme/019a….1`. Neither has a slash.
pub(crate) fn write(tenant: &TenantId, reference: &str) -> String {
    format!("{tenant}/{reference}")
}

/// Reads what [`write()`] gave; none when it is not ours.
pub(crate) fn read(text: &str) -> Option<(TenantId, DeliveryId, u32)> {
    let (tenant, reference) = text.split_once('/')?;
    let (delivery, generation) = parse_reference(reference)?;
    Some((TenantId::new(tenant).ok()?, delivery, generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01998c5e-0000-7000-8000-000000000001";

    #[test]
    fn what_is_written_is_read() {
        let tenant = TenantId::new("acme.eu").unwrap();
        for (reference, generation) in [(ID.to_owned(), 0), (format!("{ID}.3"), 3)] {
            let read = read(&write(&tenant, &reference)).unwrap();
            assert_eq!(read, (tenant.clone(), ID.parse().unwrap(), generation));
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
