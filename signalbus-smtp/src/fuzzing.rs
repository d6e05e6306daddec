//! What is read from servers, opened to the fuzz targets. Compiled only with the feature `__fuzzing`.

use signalbus_core::{id::DeliveryId, name::TenantId};

use crate::{
    BounceKey, ReturnPath,
    client::{Extensions, Reply, ReplyFilter},
};

/// Passes what a server sent through the filter, cut at this place. What comes out is what lettre
/// reads.
#[must_use]
pub fn filtered(bytes: &[u8], cut: usize) -> Vec<u8> {
    let (mut filter, mut out) = (ReplyFilter::default(), Vec::new());
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    filter.pass(first, &mut out);
    filter.pass(second, &mut out);
    out
}

/// Reads a filtered reply as the client does. What is shown of it, or none when it is no reply.
#[must_use]
pub fn shown(text: &str) -> Option<String> {
    let response: lettre::transport::smtp::response::Response = text.parse().ok()?;
    let lines: Vec<&str> = response.message().collect();
    let reply = Reply::new(response.code().into(), &lines.join(" "));
    let _ = Extensions::parse(text);
    Some(reply.to_string())
}

/// The token of a mail of this delivery.
#[must_use]
pub fn token(key: &BounceKey, delivery: DeliveryId) -> Option<String> {
    let path = ReturnPath::fixed("bounces@acme.test", key.clone()).ok()?;
    Some(path.token(&TenantId::default(), delivery, 0, None).text())
}
