//! aiosmtpd, a server written in Python.

use std::{
    env,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use signalbus::{
    channel::email::EmailOptions,
    provider::{Fault, Outcome},
};
use signalbus_smtp::{Auth, Security, SmtpConfig, TlsOptions};
use signalbus_testkit::smtp::Authority;

use crate::support::{Parcel, provider};

/// A Python with aiosmtpd: `python3`, unless the environment names another.
fn python() -> String {
    env::var("SIGNALBUS_TEST_AIOSMTPD").unwrap_or_else(|_| "python3".to_owned())
}

struct Server {
    process: Child,
    lines: BufReader<ChildStdout>,
    port: u16,
    authority: Authority,
    _files: tempfile::TempDir,
}

impl Server {
    fn start(kind: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let identity = authority.issue(&["localhost"]);
        let file = |name: &str, text: &str| -> PathBuf {
            let path = files.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let mut process = Command::new(python())
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/real/aiosmtpd_server.py"
            ))
            .arg(kind)
            .arg(file("certificate.pem", &identity.certificate))
            .arg(file("key.pem", &identity.key))
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 has to be there, or SIGNALBUS_TEST_AIOSMTPD has to name one");
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let first: Value = serde_json::from_str(&line).expect(
            "the server did not start: `pip install aiosmtpd`, or set SIGNALBUS_TEST_AIOSMTPD to a \
             Python that has it",
        );
        let port = first["port"].as_u64().unwrap().try_into().unwrap();
        Self {
            process,
            lines,
            port,
            authority,
            _files: files,
        }
    }

    fn account(&self, security: Security) -> SmtpConfig {
        SmtpConfig::new("localhost")
            .with_security(security)
            .with_port(self.port)
            .with_tls(TlsOptions::new().trust_only(self.authority.pem()))
    }

    fn mail(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn content(mail: &Value) -> Vec<u8> {
    BASE64_STANDARD
        .decode(mail["mail"].as_str().unwrap())
        .unwrap()
}

#[tokio::test]
async fn mails_arrive_in_plain_text_after_starttls_and_in_tls() {
    for (kind, security) in [
        ("plain", Security::Plaintext),
        ("starttls", Security::StartTls),
        ("implicit", Security::Implicit),
    ] {
        let mut server = Server::start(kind);
        let mut config = server.account(security);
        if kind != "plain" {
            config = config.with_auth(Auth::password("user", "secret"));
        }
        let provider = provider(config);
        // Dots at the start of lines, and an address outside ASCII.
        let text = ".\r\n..\r\n.a\r\n";
        for address in ["Ada@example.org", "grüße@münchen.example"] {
            let parcel = Parcel::with(address, &EmailOptions::new(), text);
            parcel.send(&provider).await.unwrap_or_else(|error| {
                panic!("{kind}: {error}");
            });
            let mail = server.mail();
            assert_eq!(mail["tls"], kind != "plain", "{kind}");
            assert_eq!(mail["from"], "hello@acme.test", "{kind}");
            assert_eq!(mail["to"][0], parcel.to.spelled(), "{kind}");
            assert_eq!(content(&mail), parcel.wire(), "{kind}");
        }
        let refused = Parcel::to("nobody@example.org");
        let error = refused.send(&provider).await.unwrap_err();
        assert_eq!(error.code(), Some("550 5.1.1"), "{kind}");
        assert!(error.suppresses().is_some(), "{kind}");
        assert!(!refused.latch.is_set(), "{kind}");
    }
}

#[tokio::test]
async fn what_the_server_cannot_take_is_refused_with_its_reason() {
    let server = Server::start("starttls");
    let wrong = server
        .account(Security::StartTls)
        .with_auth(Auth::password("user", "wrong"));
    let error = Parcel::new().send(&provider(wrong)).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Configuration);
    assert_eq!(error.code(), Some("535 5.7.8"));

    let untrusted = server
        .account(Security::StartTls)
        .with_tls(TlsOptions::new());
    let error = Parcel::new().send(&provider(untrusted)).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Configuration);

    let server = Server::start("plain");
    let provider = provider(server.account(Security::Plaintext));
    let large = Parcel::with(
        "ada@example.org",
        &EmailOptions::new(),
        &"x".repeat(200_000),
    );
    let error = large.send(&provider).await.unwrap_err();
    assert_eq!(
        (error.outcome(), error.fault()),
        (Outcome::Permanent, Fault::Message)
    );
    assert!(!large.latch.is_set(), "sent, though too large");
}
