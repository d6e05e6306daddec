//! What comes back is told from what is forged, and says what became of a mail. The shapes are
//! written after the documents of each system, not copied from real mails.

#![cfg(feature = "smtp")]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

#[expect(dead_code, reason = "shared with other tests")]
#[path = "../smtp/support.rs"]
mod support;

use signalbus::{
    channel::email::EmailOptions,
    name::TenantId,
    store::{Cause, ReceiptKind, ReceiptTarget},
};
use signalbus_smtp::{
    About, BounceError, BounceKey, BounceReader, BounceReport, ReturnPath, ReturnPathError,
};
use signalbus_testkit::smtp::{ServerOptions, SmtpServer};

use support::{Parcel, account, provider};

#[expect(non_upper_case_globals, reason = "named after their files")]
mod shape {
    macro_rules! shapes {
        ($($name:ident)*) => {
            $(pub(crate) const $name: &str =
                include_str!(concat!("shapes/", stringify!($name), ".eml"));)*
        };
    }
    shapes! {
        absence complaint complaint_by_sender exchange exim exim_old gmail policy postfix
        postfix_delayed postfix_delivered
    }
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn key() -> BounceKey {
    BounceKey::new(SECRET).unwrap()
}

fn reader() -> BounceReader {
    BounceReader::new(key(), "smtp").unwrap()
}

/// A mail that was sent: the path it was sent with, and its token.
struct Sent {
    return_path: String,
    token: String,
}

impl Sent {
    async fn new(parcel: &Parcel, path: ReturnPath) -> Self {
        let server = SmtpServer::start(ServerOptions::new()).await;
        let provider = provider(account(&server).with_bounces(path));
        parcel.send(&provider).await.unwrap();
        let mail = server.mails().remove(0);
        let header = "X-Signalbus-Token: ";
        let text = mail.text();
        let token = text.lines().find_map(|line| line.strip_prefix(header));
        Self {
            return_path: mail.from,
            token: token.unwrap().to_owned(),
        }
    }

    async fn usual() -> Self {
        let path = ReturnPath::verp("bounces@acme.test", key()).unwrap();
        Self::new(&Parcel::new(), path).await
    }

    /// The shape about this mail, with line ends as they go over the wire.
    fn report(&self, shape: &str) -> String {
        shape
            .replace("{return_path}", &self.return_path)
            .replace("{token}", &self.token)
            .replace('\n', "\r\n")
    }
}

fn one(read: Result<Vec<BounceReport>, BounceError>) -> BounceReport {
    let mut bounces = read.unwrap();
    assert_eq!(bounces.len(), 1, "{bounces:?}");
    bounces.remove(0)
}

#[tokio::test]
async fn the_shapes_of_the_large_systems_are_read() {
    use ReceiptKind::{Bounced, Complained, Deferred, Delivered};
    let sent = Sent::usual().await;
    for (shape, kind, status, hard) in [
        (shape::postfix, Bounced, Some("5.1.1"), true),
        (shape::postfix_delayed, Deferred, Some("4.4.1"), false),
        (shape::postfix_delivered, Delivered, Some("2.0.0"), false),
        (shape::exim, Bounced, Some("5.1.1"), true),
        (shape::exim_old, Bounced, None, false),
        (shape::exchange, Bounced, Some("5.1.10"), true),
        (shape::gmail, Bounced, Some("5.1.1"), true),
        (shape::policy, Bounced, Some("5.7.26"), false),
        (shape::complaint, Complained, None, false),
        (shape::complaint_by_sender, Complained, None, false),
    ] {
        for text in [sent.report(shape), sent.report(shape).replace("\r\n", "\n")] {
            let bounce = one(reader().read(text.as_bytes()));
            let hint = shape.lines().take(8).collect::<String>();
            assert_eq!(bounce.status.as_deref(), status, "{hint}");
            assert_eq!(bounce.hard, hard, "{hint}");
            assert_eq!(bounce.about, About::Recipient, "{hint}");
            let receipt = bounce.receipt.unwrap();
            assert_eq!(receipt.kind, kind.clone(), "{hint}");
            assert_eq!(receipt.target, ReceiptTarget::Delivery(bounce.delivery));
            assert_eq!(receipt.tenant, Some(TenantId::default()));
            assert_eq!(receipt.code.as_deref(), status, "{hint}");
            let suppressed = receipt.suppress.map(|suppress| suppress.cause);
            let cause = match kind {
                Complained => Some(Cause::Complained),
                _ => hard.then_some(Cause::Bounced),
            };
            assert_eq!(suppressed, cause, "{hint}");
            assert!(receipt.occurred_at.is_some(), "{hint}");
            // Handed over again it is the same.
            let again = one(reader().read(text.as_bytes()));
            assert_eq!(again.receipt.unwrap().id, receipt.id);
        }
    }
}

#[tokio::test]
async fn the_token_is_found_in_the_sender_or_in_the_headers_alone() {
    let sent = Sent::usual().await;
    let by_path = sent
        .report(shape::postfix)
        .replace("X-Signalbus-Token", "X-Gone");
    one(reader().read(by_path.as_bytes()));
    // Somebody on the way changed its case.
    let shouted = by_path.replace(&sent.return_path, &sent.return_path.to_uppercase());
    one(reader().read(shouted.as_bytes()));
    let fixed = ReturnPath::fixed("a-long-name-for-a-mailbox@acme.test", key()).unwrap();
    let sent = Sent::new(&Parcel::new(), fixed).await;
    assert_eq!(sent.return_path, "a-long-name-for-a-mailbox@acme.test");
    one(reader().read(sent.report(shape::postfix).as_bytes()));
    let gone = sent
        .report(shape::postfix)
        .replace("X-Signalbus-Token", "X-Gone");
    assert_eq!(reader().read(gone.as_bytes()), Err(BounceError::Unrelated));
}

#[tokio::test]
async fn forged_reports_are_refused() {
    let sent = Sent::usual().await;
    let report = sent.report(shape::postfix);
    let other = BounceKey::new("another secret of thirty-two bytes").unwrap();
    let other = BounceReader::new(other, "smtp").unwrap();
    assert_eq!(other.read(report.as_bytes()), Err(BounceError::Forged));
    // Another delivery, generation, recipient or proof.
    for at in [0, 20, 27, 30, 35, 47] {
        let mut token = sent.token.clone().into_bytes();
        token[at] = if token[at] == b'a' { b'b' } else { b'a' };
        let forged = report.replace(&sent.token, std::str::from_utf8(&token).unwrap());
        assert_eq!(
            reader().read(forged.as_bytes()),
            Err(BounceError::Forged),
            "{at}"
        );
    }
    // Nobody's.
    let unrelated = report.replace(&sent.token, "");
    assert_eq!(
        reader().read(unrelated.as_bytes()),
        Err(BounceError::Unrelated)
    );
}

#[tokio::test]
async fn a_tenants_reports_are_read_by_who_knows_the_tenant() {
    let acme = TenantId::new("acme").unwrap();
    let mut parcel = Parcel::new();
    parcel.tenant = acme.clone();
    let path = ReturnPath::verp("bounces@acme.test", key()).unwrap();
    let report = Sent::new(&parcel, path).await.report(shape::postfix);
    assert_eq!(reader().read(report.as_bytes()), Err(BounceError::Forged));
    let reader = reader().with_tenants([TenantId::new("other").unwrap(), acme.clone()]);
    let bounce = one(reader.read(report.as_bytes()));
    assert_eq!(bounce.receipt.unwrap().tenant, Some(acme));
}

#[tokio::test]
async fn a_copy_that_bounces_is_no_bounce_of_the_delivery() {
    let options = EmailOptions::new().cc("bob@example.org".parse().unwrap());
    let parcel = Parcel::with("Ada@example.org", &options, "hello");
    let path = ReturnPath::verp("bounces@acme.test", key()).unwrap();
    let sent = Sent::new(&parcel, path).await;
    let about_ada = one(reader().read(sent.report(shape::postfix).as_bytes()));
    assert_eq!(about_ada.about, About::Recipient);
    assert!(about_ada.receipt.is_some());
    let report = sent
        .report(shape::postfix)
        .replace("ada@example.org", "bob@example.org");
    let about_bob = one(reader().read(report.as_bytes()));
    assert_eq!(about_bob.about, About::Copy);
    assert_eq!(about_bob.receipt, None);
}

#[tokio::test]
async fn what_is_no_report_is_said_to_be_none() {
    let sent = Sent::usual().await;
    let absence = sent.report(shape::absence);
    assert_eq!(
        reader().read(absence.as_bytes()),
        Err(BounceError::NoReport)
    );
    for mail in [&b""[..], b"\r\n\r\n", b"hello", b"\xff\xfe\0", b"To: \r\n"] {
        assert!(reader().read(mail).is_err());
    }
    let large = vec![b'x'; BounceReader::MAX + 1];
    assert_eq!(reader().read(&large), Err(BounceError::TooLarge));
}

#[test]
fn paths_and_secrets_that_cannot_be_used_are_refused() {
    let verp = |address: &str| ReturnPath::verp(address, key()).unwrap_err();
    assert_eq!(
        verp("sixteen-letters1@acme.test"),
        ReturnPathError::LocalPart
    );
    assert_eq!(verp("\"a b\"@acme.test"), ReturnPathError::LocalPart);
    assert_eq!(verp("grüße@acme.test"), ReturnPathError::LocalPart);
    assert!(matches!(verp("nobody"), ReturnPathError::Address(_)));
    assert!(matches!(
        BounceKey::new("short"),
        Err(ReturnPathError::Secret)
    ));
    assert!(!format!("{:?}", key()).contains("0123"));
}
