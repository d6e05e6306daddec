//! Requests to Mailgun and Twilio, looked at by Prism (of npm) with the vendors' own OpenAPI documents: a
//! second opinion on their shape.
//!
//! `cargo xtask test --all` installs Prism and runs these, where `SIGNALBUS_VECTORS` names a folder with
//! extracts of the documents.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use signalbus::{
    Attachment, Channel, Recipient,
    channel::{Email, Sms, email::EmailOptions, sms::SmsOptions},
};
use signalbus_mailgun::{Account, Mailgun, MailgunConfig, SendForm};
use signalbus_testkit::{fakes, provider_suite::Subject};
use signalbus_twilio::{Twilio, TwilioConfig};

/// A server that knows a document, and refuses what does not fit it: with 400 where the document describes
/// that, and with 422 where it does not. It looks at requests alone: the examples of answers in the documents do
/// not all fit their own schemas.
struct Prism {
    child: Child,
    url: String,
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prism {
    async fn start(document: &str) -> Self {
        let program = env::var("SIGNALBUS_TEST_PRISM").expect("the path of Prism");
        let folder = env::var("SIGNALBUS_VECTORS").expect("a folder with OpenAPI documents");
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let child = Command::new(program)
            .args(["mock", "--host", "127.0.0.1", "--port"])
            .arg(port.to_string())
            .arg(PathBuf::from(folder).join(document))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("Prism");
        let mut prism = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
        };
        prism.listens(port).await;
        prism
    }

    #[expect(clippy::disallowed_methods, reason = "another process takes real time")]
    async fn listens(&mut self, port: u16) {
        let connected = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port))
                .await
                .is_err()
            {
                assert_eq!(self.child.try_wait().unwrap(), None, "Prism has ended");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let patience = Duration::from_secs(120);
        tokio::time::timeout(patience, connected)
            .await
            .expect("Prism does not listen");
    }

    /// That it refuses something is what makes the rest worth anything.
    async fn refuses(&self, path: &str, content_type: &str, body: &str) {
        let url = format!("{}{path}", self.url);
        let headers = [
            ("Content-Type", content_type),
            ("Authorization", "Basic YTpi"),
        ];
        let answered = fakes::call(&url, &headers, body.as_bytes()).await.unwrap();
        let refused = matches!(answered.status, 400 | 422);
        assert!(refused, "{}: {}", answered.status, answered.body);
    }
}

async fn taken<C: Channel>(subject: Subject<C>) {
    let sent = subject.send_sample().await;
    assert!(sent.id().is_some(), "the answer was not understood");
}

fn mail(prism: &Prism, form: SendForm) -> Subject<Email> {
    let account = Account::new("mg.acme.test", "key")
        .and_then(|account| account.base_url(&prism.url))
        .unwrap();
    let config = MailgunConfig::new(account)
        .form(form)
        .test_mode(true)
        .require_tls(true);
    let channel = Email::from("Acme <hello@acme.test>").unwrap();
    Subject::new(channel, Mailgun::new(config).unwrap())
        .to("ada@example.org")
        .recipient(Recipient::new().name("Ada \"L\" Lovelace"))
        .part("subject.txt", "Grüße")
        .part("body.txt", "Dear Ada")
        .part("body.html", "<p>Dear Ada <img src=\"cid:logo\"></p>")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prism of npm and the vendor's document: cargo xtask test --all"]
async fn mails_are_as_the_document_of_mailgun_says() {
    let prism = Prism::start("openapi_mailgun_messages_prism.json").await;
    let multipart = "multipart/form-data; boundary=x";
    let nobody = "--x\r\nContent-Disposition: form-data; name=\"from\"\r\n\r\na@b.c\r\n--x--\r\n";
    prism
        .refuses("/v3/mg.acme.test/messages", multipart, nobody)
        .await;
    for form in [SendForm::Fields, SendForm::Mime] {
        taken(mail(&prism, form)).await;
        let options = EmailOptions::new()
            .cc("bob@example.org".parse().unwrap())
            .bcc("carol@example.org".parse().unwrap())
            .reply_to("help@acme.test".parse().unwrap());
        taken(mail(&prism, form).options(options)).await;
        let logo = Attachment::new("logo.png", "image/png", &b"PNG"[..]).inline("logo");
        let invoice = Attachment::new("invoice.pdf", "application/pdf", &b"%PDF"[..]);
        taken(mail(&prism, form).attach(logo).attach(invoice)).await;
    }
}

fn text(prism: &Prism, sender: &str) -> Subject<Sms> {
    let account = "AC00000000000000000000000000000001";
    let config = TwilioConfig::from_url(&format!("twilio://{account}:token@{sender}"))
        .and_then(|config| config.base_url(&prism.url))
        .and_then(|config| config.status_callback("https://acme.test/receipts/twilio/k3y"))
        .unwrap();
    Subject::new(Sms::new(), Twilio::new(config).unwrap())
        .to("+447700900123")
        .part("sms.txt", "Grüße & 1+1=2")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prism of npm and the vendor's document: cargo xtask test --all"]
async fn texts_are_as_the_document_of_twilio_says() {
    let prism = Prism::start("openapi_twilio_messages.json").await;
    let path = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json";
    prism
        .refuses(path, "application/x-www-form-urlencoded", "Body=hello")
        .await;
    let service = format!("MG{}", "0".repeat(32));
    for sender in ["+15005550006", "ACME", &service] {
        taken(text(&prism, sender)).await;
    }
    taken(text(&prism, "+15005550006").options(SmsOptions::new().with_sender("ACME"))).await;
    // What a look-up asks.
    let subject = text(&prism, "+15005550006");
    let parcel = subject.parcel();
    let lookup = subject.provider.lookup().unwrap();
    lookup.find(&parcel.question()).await.unwrap();
}
