//! Signatures, checked by a verifier that somebody else wrote.

#![cfg(feature = "smtp")]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

#[expect(dead_code, reason = "shared with other tests")]
#[path = "../smtp/support.rs"]
mod support;
mod verifier;

use signalbus::{
    channel::email::{EmailOptions, Header, Unsubscribe},
    name::TenantId,
};
use signalbus_smtp::{DkimError, DkimKey, DkimKeys};
use signalbus_testkit::smtp::{ServerOptions, SmtpServer};

use support::{Parcel, account, provider};
use verifier::{Verdict, verify};

const RSA: &str = include_str!("../keys/rsa.pem");
const ED25519: &str = include_str!("../keys/ed25519.pem");

fn key(domain: &str, selector: &str, pem: &str) -> DkimKey {
    DkimKey::new(domain, selector, pem).unwrap()
}

fn both(domain: &str) -> DkimKeys {
    DkimKeys::new()
        .with(key(domain, "rsa2026", RSA))
        .with(key(domain, "ed2026", ED25519))
}

fn records(domain: &str) -> Vec<(String, String)> {
    [("rsa2026", RSA), ("ed2026", ED25519)]
        .map(|(selector, pem)| key(domain, selector, pem).record())
        .to_vec()
}

/// As it arrives at a server.
async fn sent(parcel: &Parcel, keys: DkimKeys) -> Vec<u8> {
    let options = ServerOptions::new().extension("SMTPUTF8");
    let server = SmtpServer::start(options).await;
    let provider = provider(account(&server)).with_dkim(keys);
    parcel.send(&provider).await.unwrap();
    server.mails().remove(0).content
}

fn with_unsubscribe(text: &str) -> Parcel {
    let url = format!("https://acme.test/leave/{}", "5b1d0c7a".repeat(20));
    let options = EmailOptions::new()
        .unsubscribe(Unsubscribe::new(url).unwrap())
        .header(Header::new("X-Entity-Ref-ID", "88213").unwrap());
    Parcel::with("ada@example.org", &options, text)
}

#[tokio::test]
async fn both_signatures_hold_whatever_is_in_the_mail() {
    for text in [
        "hello",
        "trailing spaces   \r\n\r\n\r\n",
        "  two  spaces\tand tabs \r\n.\r\n..dots\r\n",
        "Grüße aus München, 請求書, فاتورة",
        &"a long line ".repeat(5000),
    ] {
        for parcel in [
            Parcel::with("ada@example.org", &EmailOptions::new(), text),
            with_unsubscribe(text),
            Parcel::to("grüße@example.org"),
        ] {
            let mail = sent(&parcel, both("acme.test")).await;
            let verdicts = verify(&mail, &records("acme.test")).await;
            assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass], "{text:.20}");
        }
    }
}

#[tokio::test]
async fn a_change_that_matters_is_noticed() {
    let mail = sent(&with_unsubscribe("hello"), both("acme.test")).await;
    let text = String::from_utf8(mail).unwrap();
    for (from, to) in [
        ("Subject: Welcome", "Subject: Farewell"),
        ("\r\nhello", "\r\nbye"),
        ("From: Acme", "From: Evil"),
        ("leave/5b1d", "leave/0000"),
        (
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "X-Gone: y",
        ),
        // A second one of what may be there once, and one that was not there.
        ("\r\nSubject: ", "\r\nSubject: Farewell\r\nSubject: "),
        ("\r\nFrom: ", "\r\nReply-To: evil@example.org\r\nFrom: "),
        ("\r\nFrom: ", "\r\nFrom: evil@example.org\r\nFrom: "),
    ] {
        assert!(text.contains(from), "{from}");
        let changed = text.replacen(from, to, 1);
        let verdicts = verify(changed.as_bytes(), &records("acme.test")).await;
        assert_eq!(verdicts, [Verdict::Fail, Verdict::Fail], "{to}");
    }
    // What relays do on the way is no change.
    let relayed = text.replacen("Subject: Welcome", "subject:  Welcome ", 1);
    let relayed = format!("Received: from a by b\r\n{relayed}\r\n\r\n");
    let verdicts = verify(relayed.as_bytes(), &records("acme.test")).await;
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass]);
}

#[tokio::test]
async fn a_mail_is_signed_by_the_keys_of_its_sender_and_tenant() {
    let tenant = |name: &str| TenantId::new(name).unwrap();
    let own = TenantId::default();
    let signers = |keys: &DkimKeys, tenant: &TenantId, domain: &str| {
        let mail = b"From: a@b\r\n\r\nhello\r\n".to_vec();
        let signed = keys.sign(tenant, domain, mail, 1_893_456_000).unwrap();
        let text = String::from_utf8(signed).unwrap();
        let selectors = text.lines().filter_map(|line| line.strip_prefix("\ts="));
        selectors
            .map(|rest| rest.split(';').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let keys = both("acme.test")
        .with(key("news.acme.test", "news", ED25519))
        .with_tenant(tenant("other"), key("acme.test", "others", ED25519))
        .with_tenant(tenant("other"), key("other.test", "others", ED25519));
    for (who, domain, expected) in [
        (&own, "acme.test", &["rsa2026", "ed2026"][..]),
        (&own, "shop.acme.test", &["rsa2026", "ed2026"]),
        (&own, "news.acme.test", &["news"]),
        (&own, "daily.news.acme.test", &["news"]),
        (&own, "notacme.test", &[]),
        (&own, "test", &[]),
        (&own, "other.test", &[]),
        (&tenant("other"), "acme.test", &["others"]),
        (&tenant("other"), "other.test", &["others"]),
        (&tenant("third"), "other.test", &[]),
    ] {
        assert_eq!(signers(&keys, who, domain), expected, "{who:?} {domain}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let refused = |domain, selector, pem: &str| DkimKey::new(domain, selector, pem).unwrap_err();
    assert_eq!(refused("acme.test", "a b", RSA), DkimError::Selector);
    assert_eq!(refused("acme.test", "", RSA), DkimError::Selector);
    assert_eq!(refused("acme.test", "a\r\nb", RSA), DkimError::Selector);
    assert_eq!(refused("not a domain", "a", RSA), DkimError::Domain);
    assert_eq!(refused("acme.test", "a", "nonsense"), DkimError::Form);
    let short = include_str!("../keys/short.pem");
    assert_eq!(refused("acme.test", "a", short), DkimError::Kind);
    let pkcs1 = key("acme.test", "a", include_str!("../keys/rsa_pkcs1.pem"));
    assert_eq!(pkcs1.record(), key("acme.test", "a", RSA).record());
    assert_eq!(pkcs1.record().0, "a._domainkey.acme.test");
    assert!(format!("{pkcs1:?}").contains("rsa-sha256"));
}
