//! What every provider has to do.

use std::net::TcpListener;

use signalbus::{Attachment, channel::Email};
use signalbus_smtp::{Auth, Security, SmtpConfig, SmtpProvider};
use signalbus_testkit::{
    provider_suite::Subject,
    smtp::{ServerOptions, SmtpServer},
};

fn subject(config: SmtpConfig) -> Subject<Email> {
    let provider = SmtpProvider::new(config.with_auth(Auth::password("acme", "s3cr3t!"))).unwrap();
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
        .secret("s3cr3t!")
}

fn account(port: u16) -> SmtpConfig {
    SmtpConfig::new("127.0.0.1")
        .with_security(Security::Plaintext)
        .with_port(port)
}

signalbus_testkit::provider_suite! {
    reports_start: true,
    recognises_repeats: false,
    looks_up: false,
    open: async || {
        let options = ServerOptions::new()
            .extension("PIPELINING")
            .mechanisms(&["PLAIN"])
            .account("acme", "s3cr3t!");
        let server = SmtpServer::start(options).await;
        subject(account(server.port())).keep(server)
    },
    unreachable: async || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        subject(account(listener.local_addr().unwrap().port()))
    },
    connects_first: true,
}
