//! What every provider has to do, against the fake.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use signalbus::{Attachment, channel::Email};
use signalbus_mailgun::{Account, Mailgun, MailgunConfig};
use signalbus_testkit::{fakes::mailgun::FakeMailgun, provider_suite::Subject};

const KEY: &str = "c0nf1d3nt1al";

fn subject(url: &str) -> Subject<Email> {
    let account = Account::new("mg.acme.test", KEY)
        .and_then(|account| account.base_url(url))
        .unwrap()
        .reading_key(KEY);
    let provider = Mailgun::new(MailgunConfig::new(account)).unwrap();
    Subject::new(Email::from("Acme <hello@acme.test>").unwrap(), provider)
        .to("Ada@example.org")
        .part("subject.txt", "Your invoice")
        .part("body.html", "<p>Dear Ada, <img src=\"cid:logo\"></p>")
        .part("body.txt", "Dear Ada")
        .attach(Attachment::new("logo.png", "image/png", &b"PNG"[..]).inline("logo"))
        .attach(Attachment::new(
            "invoice.pdf",
            "application/pdf",
            &b"%PDF"[..],
        ))
        .secret(KEY)
}

signalbus_testkit::provider_suite! {
    reports_start: true,
    recognises_repeats: false,
    looks_up: true,
    open: async || {
        let fake = FakeMailgun::start().await;
        subject(&fake.url()).keep(fake)
    },
    unreachable: async || {
        let fake = FakeMailgun::start().await;
        let url = fake.url();
        drop(fake);
        // The task that listens ends at its next await.
        tokio::task::yield_now().await;
        subject(&url)
    },
    connects_first: true,
}
