//! What is wrong with a sender's DNS is said.

#![cfg(feature = "smtp")]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

use std::collections::HashMap;

use async_trait::async_trait;
use signalbus_smtp::{DkimKey, Level, Report, ResolveError, Resolver, Sender, Topic, doctor};

#[derive(Debug, Clone)]
struct Dns(HashMap<String, Vec<String>>);

#[async_trait]
impl Resolver for Dns {
    async fn txt(&self, name: &str) -> Result<Vec<String>, ResolveError> {
        match self.0.get(name).map(Vec::as_slice) {
            Some([down]) if down == "down" => Err(ResolveError),
            Some(records) => Ok(records.to_vec()),
            None => Ok(Vec::new()),
        }
    }
}

fn key() -> DkimKey {
    DkimKey::new("acme.test", "s1", include_str!("keys/ed25519.pem")).unwrap()
}

/// All as it should be.
fn healthy() -> Dns {
    let (name, record) = key().record();
    let mut dns = Dns(HashMap::new());
    dns.set(&name, &[&record]);
    dns.set(
        "acme.test",
        &[
            "some=other",
            "v=spf1 include:relay.test ip6:2001:db8::/32 -all",
        ],
    );
    dns.set("relay.test", &["v=spf1 ip4:192.0.2.0/24 ~all"]);
    dns.set(
        "_dmarc.acme.test",
        &["v=DMARC1; p=reject; rua=mailto:dmarc@acme.test"],
    );
    dns
}

impl Dns {
    fn set(&mut self, name: &str, records: &[&str]) {
        let records = records.iter().map(|record| (*record).to_owned());
        self.0.insert(name.to_owned(), records.collect());
    }
}

fn sender() -> Sender {
    Sender::new("hello@acme.test".parse().unwrap())
        .key(key())
        .host("192.0.2.10".parse().unwrap())
        .host("2001:db8::1".parse().unwrap())
}

fn worst(report: &Report, topic: Topic) -> Level {
    let of = report
        .findings()
        .iter()
        .filter(|finding| finding.topic == topic);
    of.map(|finding| finding.level).max().unwrap()
}

#[tokio::test]
async fn a_healthy_sender_has_no_finding_but_good_ones() {
    let report = doctor(&healthy(), &sender()).await;
    assert!(report.is_healthy(), "{report}");
    for topic in [Topic::Spf, Topic::Dkim, Topic::Dmarc, Topic::Alignment] {
        assert_eq!(worst(&report, topic), Level::Good, "{report}");
    }
}

#[tokio::test]
async fn each_fault_is_found_and_named() {
    use Level::{Problem, Warning};
    use Topic::{Dkim, Dmarc, Spf};
    let many = (0..11).fold("v=spf1".to_owned(), |record, n| {
        format!("{record} a:h{n}.test")
    });
    let (selector, policy) = ("s1._domainkey.acme.test", "_dmarc.acme.test");
    let other = DkimKey::new("acme.test", "s1", include_str!("keys/rsa.pem"))
        .unwrap()
        .record()
        .1;
    let testing = format!("{}; t=y", key().record().1);
    let table: &[(&str, &[&str], Topic, Level, &str)] = &[
        ("acme.test", &[], Spf, Problem, "no record"),
        ("acme.test", &["v=spf10 -all"], Spf, Problem, "no record"),
        (
            "acme.test",
            &["v=spf1 -all", "v=spf1 ~all"],
            Spf,
            Problem,
            "several records",
        ),
        (
            "acme.test",
            &["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 +all"],
            Spf,
            Problem,
            "everybody",
        ),
        (
            "acme.test",
            &["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32"],
            Spf,
            Warning,
            "does not end",
        ),
        (
            "acme.test",
            &["v=spf1 ip4:198.51.100.0/24 -all"],
            Spf,
            Problem,
            "192.0.2.10 may not send",
        ),
        (
            "acme.test",
            &["v=spf1 -ip4:192.0.2.10 -all"],
            Spf,
            Problem,
            "192.0.2.10 may not send",
        ),
        ("acme.test", &["v=spf1 mx -all"], Spf, Warning, "depends on"),
        (
            "acme.test",
            &["v=spf1 ip4:192.0.2.0/99 -all"],
            Spf,
            Problem,
            "no term",
        ),
        (
            "acme.test",
            &["v=spf1 ipv4:192.0.2.0 -all"],
            Spf,
            Problem,
            "no term",
        ),
        (
            "acme.test",
            &["v=spf1 include:gone.test -all"],
            Spf,
            Problem,
            "gone.test",
        ),
        (
            "acme.test",
            &["v=spf1 include:acme.test -all"],
            Spf,
            Problem,
            "lookups",
        ),
        ("acme.test", &[&many], Spf, Problem, "lookups"),
        (
            "acme.test",
            &["down"],
            Spf,
            Warning,
            "could not be looked up",
        ),
        (
            selector,
            &[],
            Dkim,
            Problem,
            "publish `v=DKIM1; k=ed25519; p=",
        ),
        (selector, &["v=DKIM1; p="], Dkim, Problem, "revoked"),
        (selector, &[&other], Dkim, Problem, "another key"),
        (selector, &[&testing], Dkim, Warning, "test mode"),
        (selector, &["a=b", "c=d"], Dkim, Problem, "several"),
        (selector, &["down"], Dkim, Warning, "could not be looked up"),
        (policy, &[], Dmarc, Problem, "publish `v=DMARC1"),
        (
            policy,
            &["v=DMARC1; p=maybe; rua=mailto:a@b.test"],
            Dmarc,
            Problem,
            "no `p`",
        ),
        (policy, &["v=DMARC1; p=none"], Dmarc, Warning, "no reports"),
        (policy, &["down"], Dmarc, Warning, "could not be looked up"),
    ];
    for (name, records, topic, level, text) in table {
        let mut dns = healthy();
        dns.set(name, records);
        let report = doctor(&dns, &sender()).await;
        assert_eq!(
            worst(&report, *topic),
            *level,
            "{name} {records:?}: {report}"
        );
        assert!(report.to_string().contains(text), "{text}: {report}");
        if *level == Problem {
            assert!(!report.is_healthy(), "{report}");
        }
    }
}

#[tokio::test]
async fn alignment_is_that_of_dmarc() {
    use Level::{Good, Problem, Warning};
    for (from, envelope, policy, level) in [
        (
            "hello@acme.test",
            "bounces@acme.test",
            "v=DMARC1; p=none",
            Good,
        ),
        (
            "hello@news.acme.test",
            "bounces@acme.test",
            "v=DMARC1; p=none",
            Good,
        ),
        (
            "hello@news.acme.test",
            "bounces@acme.test",
            "v=DMARC1; p=none; adkim=s",
            Warning,
        ),
        (
            "hello@news.acme.test",
            "bounces@acme.test",
            "v=DMARC1; p=none; aspf=s",
            Warning,
        ),
        (
            "hello@news.acme.test",
            "bounces@acme.test",
            "v=DMARC1; p=none; aspf=s; adkim=s",
            Problem,
        ),
        (
            "hello@acme.test",
            "bounces@relay.test",
            "v=DMARC1; p=none",
            Warning,
        ),
        (
            "hello@notacme.test",
            "bounces@relay.test",
            "v=DMARC1; p=none",
            Problem,
        ),
    ] {
        let mut dns = healthy();
        dns.set("_dmarc.acme.test", &[policy]);
        let sender = Sender::new(from.parse().unwrap())
            .envelope(envelope.parse().unwrap())
            .key(key());
        let report = doctor(&dns, &sender).await;
        assert_eq!(
            worst(&report, Topic::Alignment),
            level,
            "{from} {policy}: {report}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_followed() {
    let mut dns = healthy();
    dns.set("acme.test", &["v=spf1 redirect=all.test"]);
    dns.set(
        "all.test",
        &["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"],
    );
    let report = doctor(&dns, &sender()).await;
    assert_eq!(worst(&report, Topic::Spf), Level::Good, "{report}");
}
