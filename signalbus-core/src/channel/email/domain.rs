use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::channel::AddressError;

/// Checks a domain and brings it into the form that goes over the wire: lower case, every label
/// in ASCII (UTS 46, RFC 5891), at most 253 characters (RFC 1035 section 2.3.4).
pub(super) fn parse(domain: &str) -> Result<String, AddressError> {
    if domain.is_empty() {
        return Err(AddressError::new("nothing stands after the '@'"));
    }
    if domain.starts_with('[') {
        return Err(AddressError::new(
            "the domain is an IP address; use a name instead",
        ));
    }
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .map_err(|_| AddressError::new("the part after the '@' is not a domain name"))?;
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AddressError::new(
            "the last label of the domain is a number; use a name instead",
        ));
    }
    Ok(ascii.into_owned())
}
