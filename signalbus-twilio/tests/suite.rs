//! What every provider has to do, against the fake.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use signalbus::channel::Sms;
use signalbus_testkit::{fakes::twilio::FakeTwilio, provider_suite::Subject};
use signalbus_twilio::{Twilio, TwilioConfig};

fn subject(url: &str) -> Subject<Sms> {
    let (account, token) = (FakeTwilio::ACCOUNT, FakeTwilio::TOKEN);
    let config = TwilioConfig::from_url(&format!("twilio://{account}:{token}@+15005550006"))
        .and_then(|config| config.base_url(url))
        .unwrap();
    Subject::new(Sms::new(), Twilio::new(config).unwrap())
        .to("+447700900123")
        .part("sms.txt", "Your parcel is at the door")
        .secret(token)
}

signalbus_testkit::provider_suite! {
    reports_start: true,
    recognises_repeats: false,
    looks_up: true,
    open: async || {
        let fake = FakeTwilio::start().await;
        subject(&fake.url()).keep(fake)
    },
    unreachable: async || {
        let fake = FakeTwilio::start().await;
        let url = fake.url();
        drop(fake);
        // The task that listens ends at its next await.
        tokio::task::yield_now().await;
        subject(&url)
    },
    connects_first: true,
}
