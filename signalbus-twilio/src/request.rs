//! From a text to a request (Twilio API reference, "Messages resource", April 2026).

use std::time::Duration;

use signalbus_core::{
    channel::{Address, Sms},
    clock::{self, Timestamp},
    provider::Delivery,
};
use signalbus_http_client::{Form, Request};
use url::Url;

use crate::{TwilioConfig, correlation, pool::Kind};

/// The longest time that Twilio keeps a text, and what it does when it is told none.
const LONGEST: Duration = Duration::from_secs(36_000);

pub(crate) fn send(
    delivery: &Delivery<'_, Sms>,
    from: &Kind,
    config: &TwilioConfig,
    told: Option<&Url>,
    now: Timestamp,
) -> Request {
    let message = delivery.message;
    let mut form = Form::new().field("To", delivery.to.as_str());
    form = match from {
        Kind::From(sender) => form.field("From", sender),
        Kind::Service(sid) => form.field("MessagingServiceSid", sid),
    };
    form = form.field("Body", &message.text);
    for media in &message.media {
        form = form.field("MediaUrl", media.as_str());
    }
    if config.smart_encoding {
        form = form.field("SmartEncoded", "true");
    }
    if let Some(seconds) = delivery.expires_at.and_then(|at| validity(now, at)) {
        form = form.field("ValidityPeriod", &seconds.to_string());
    }
    if let Some(url) = told {
        form = form.field("StatusCallback", &callback(delivery, config, url));
    }
    let path = ["2010-04-01", "Accounts", &config.account, "Messages.json"];
    Request::post("send", config.base.join(path))
        .trace(delivery.trace)
        .form(form)
}

/// How long Twilio may try, in seconds; none when that is as long as it does anyway.
fn validity(now: Timestamp, expires_at: Timestamp) -> Option<u64> {
    let left = clock::until(now, expires_at);
    (left < LONGEST).then(|| left.as_secs().max(1))
}

/// The URL for receipts, with our id in it, and with how often to try: what stands behind the `#` is for
/// Twilio and not signed ("Webhooks: connection overrides", 2026).
fn callback(delivery: &Delivery<'_, Sms>, config: &TwilioConfig, url: &Url) -> String {
    let mut url = url.clone();
    let correlation = correlation::write(delivery.tenant, &delivery.reference());
    url.query_pairs_mut()
        .append_pair(correlation::FIELD, &correlation);
    if config.callback_retries > 0 {
        let retries = config.callback_retries.min(5);
        url.set_fragment(Some(&format!("rc={retries}&rp=all")));
    }
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_becomes_a_validity_period() {
        let now = Timestamp::constant(1_893_456_000, 0);
        for (seconds, validity_period) in [
            (0, Some(1)),
            (1, Some(1)),
            (90, Some(90)),
            (35_999, Some(35_999)),
            (36_000, None),
            (90_000, None),
        ] {
            let at = clock::later(now, Duration::from_secs(seconds));
            assert_eq!(validity(now, at), validity_period, "{seconds}");
        }
    }
}
