use http::HeaderMap;
use signalbus_core::Entropy;

pub(super) const HEADER: &str = "x-request-id";

/// The id of a request: the caller's, when it is fit for a log, or a new one.
pub(super) fn of(headers: &HeaderMap, entropy: &Entropy) -> String {
    let fits = |id: &str| {
        (1..=128).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    let given = headers.get(HEADER).and_then(|id| id.to_str().ok());
    match given.filter(|id| fits(id)) {
        Some(id) => id.to_owned(),
        None => {
            let mut random = [0; 16];
            entropy.fill(&mut random);
            random.iter().map(|byte| format!("{byte:02x}")).collect()
        }
    }
}
