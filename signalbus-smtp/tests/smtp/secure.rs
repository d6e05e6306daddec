//! TLS.

use signalbus::provider::{Fault, Outcome};
use signalbus_smtp::{Auth, Security, SmtpConfig, TlsOptions};
use signalbus_testkit::smtp::{Act, Authority, ServerOptions, ServerTls, SmtpServer, Step};

use crate::support::{Parcel, account, provider};

fn trusting(server: &SmtpServer, security: Security, tls: TlsOptions) -> SmtpConfig {
    account(server)
        .with_security(security)
        .with_port(server.port())
        .with_tls(tls)
}

#[tokio::test]
async fn mails_go_through_tls_and_nothing_but() {
    let authority = Authority::new();
    let identity = authority.issue(&["127.0.0.1"]);
    for (tls, security) in [
        (ServerTls::StartTls(identity.clone()), Security::StartTls),
        (ServerTls::Implicit(identity), Security::Implicit),
    ] {
        let server = SmtpServer::start(ServerOptions::new().tls(tls)).await;
        let tls = TlsOptions::new().trust_only(authority.pem());
        let provider = provider(trusting(&server, security, tls));
        Parcel::new().send(&provider).await.unwrap();
        assert!(server.visits()[0].tls);
        assert_eq!(server.mails().len(), 1);
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let server = SmtpServer::start(ServerOptions::new()).await;
    let config = trusting(&server, Security::StartTls, TlsOptions::new())
        .with_auth(Auth::password("acme", "secret"));
    let error = Parcel::new().send(&provider(config)).await.unwrap_err();
    assert_eq!(
        (error.outcome(), error.fault()),
        (Outcome::Retryable, Fault::Configuration)
    );
    let lines = server.visits()[0].lines.clone();
    assert!(
        lines.iter().all(|line| line.starts_with("EHLO")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_of_another_host_ends_it() {
    let (ours, other) = (Authority::new(), Authority::new());
    for identity in [other.issue(&["127.0.0.1"]), ours.issue(&["mail.example"])] {
        for (tls, security) in [
            (ServerTls::StartTls(identity.clone()), Security::StartTls),
            (ServerTls::Implicit(identity.clone()), Security::Implicit),
        ] {
            let server = SmtpServer::start(ServerOptions::new().tls(tls)).await;
            let tls = TlsOptions::new().trust_only(ours.pem());
            let provider = provider(trusting(&server, security, tls));
            let error = Parcel::new().send(&provider).await.unwrap_err();
            assert_eq!(error.fault(), Fault::Configuration, "{error}");
            assert_eq!(server.mails(), []);
        }
    }
    // The name can be given.
    let tls = ServerTls::Implicit(ours.issue(&["mail.example"]));
    let server = SmtpServer::start(ServerOptions::new().tls(tls)).await;
    let tls = TlsOptions::new()
        .trust(ours.pem())
        .server_name("mail.example");
    let provider = provider(trusting(&server, Security::Implicit, tls));
    Parcel::new().send(&provider).await.unwrap();
}

#[tokio::test]
async fn a_server_may_ask_for_our_certificate() {
    let authority = Authority::new();
    let tls = ServerTls::Mutual(authority.issue(&["127.0.0.1"]), authority.pem().to_owned());
    let server = SmtpServer::start(ServerOptions::new().tls(tls)).await;
    let trust = || TlsOptions::new().trust_only(authority.pem());
    let us = authority.issue(&["app.acme.test"]);
    let config = trusting(
        &server,
        Security::Implicit,
        trust().identify(us.certificate, us.key),
    );
    Parcel::new().send(&provider(config)).await.unwrap();
    assert!(server.visits()[0].certificate);

    let config = trusting(&server, Security::Implicit, trust());
    let error = Parcel::new().send(&provider(config)).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Retryable, "{error}");
    assert_eq!(server.mails().len(), 1);
}

/// Somebody in between adds lines before TLS, to have them taken for the server's.
#[tokio::test]
async fn what_was_said_before_tls_is_forgotten() {
    let authority = Authority::new();
    let tls = ServerTls::StartTls(authority.issue(&["127.0.0.1"]));
    let options = ServerOptions::new().tls(tls).extension("SIZE 99999");
    let server = SmtpServer::start(options).await;
    // The next answers would be those to EHLO and MAIL.
    let injected = b"220 go ahead\r\n250 mail.evil SIZE 10\r\n550 5.1.1 no\r\n";
    server.once(Step::StartTls, Act::Reply(injected.to_vec()));
    let tls = TlsOptions::new().trust_only(authority.pem());
    let provider = provider(trusting(&server, Security::StartTls, tls));
    Parcel::new().send(&provider).await.unwrap();
    assert!(server.mails()[0].parameters[0].starts_with("SIZE="));
}

#[test]
fn keys_and_certificates_that_cannot_be_used_are_refused_at_once() {
    let authority = Authority::new();
    let (a, b) = (authority.issue(&["a"]), authority.issue(&["b"]));
    for tls in [
        TlsOptions::new().trust("nonsense"),
        TlsOptions::new().identify(a.certificate.clone(), "nonsense"),
        TlsOptions::new().identify("nonsense", a.key.clone()),
        TlsOptions::new().identify(a.certificate, b.key),
        TlsOptions::new().server_name("two words"),
    ] {
        let config = SmtpConfig::new("mail.example").with_tls(tls);
        let error = signalbus_smtp::SmtpProvider::new(config).unwrap_err();
        assert!(
            matches!(error, signalbus_smtp::ConfigError::Tls(_)),
            "{error}"
        );
    }
}
