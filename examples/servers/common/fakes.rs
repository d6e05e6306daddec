//! In place of the real services when no keys are set: servers in this process that answer as they do.

use std::error::Error;

use signalbus::{
    mailgun::{Account, Mailgun, MailgunConfig},
    twilio::{Twilio, TwilioConfig},
};
use signalbus_testkit::fakes::{mailgun::FakeMailgun, twilio::FakeTwilio};

/// Who sends the texts.
const SENDER: &str = "+15005550006";

/// A Mailgun that takes every mail, and what talks to it.
pub(super) async fn mailgun() -> Result<(FakeMailgun, Mailgun), Box<dyn Error>> {
    let fake = FakeMailgun::start().await;
    let account = Account::new("mg.signalbus.example", "key")?.base_url(&fake.url())?;
    let provider = Mailgun::new(MailgunConfig::new(account))?;
    Ok((fake, provider))
}

/// A Twilio that takes every text, and what talks to it.
pub(super) async fn twilio() -> Result<(FakeTwilio, Twilio), Box<dyn Error>> {
    let fake = FakeTwilio::start().await;
    let url = format!(
        "twilio://{}:{}@{SENDER}",
        FakeTwilio::ACCOUNT,
        FakeTwilio::TOKEN
    );
    let provider = Twilio::new(TwilioConfig::from_url(&url)?.base_url(&fake.url())?)?;
    Ok((fake, provider))
}
