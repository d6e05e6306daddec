//! Each stage with each failure: what is said of the mail, and what the server really got.

use std::{sync::Arc, time::Duration};

use signalbus::provider::{
    Fault::{self, Configuration, Message, Provider, Quota, Recipient},
    Outcome::{self, Permanent, Retryable, Unknown},
    Provider as _, SendError,
};
use signalbus_smtp::{Auth, Deadlines, Security, SmtpConfig, SmtpProvider, TlsOptions};
use signalbus_testkit::{
    ManualClock,
    smtp::{Act, Authority, ServerOptions, ServerTls, SmtpServer, Step},
};

use crate::support::{Parcel, account, plain, provider};

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let (server, provider) = plain().await;
    let parcel = Parcel::new();
    let sent = parcel.send(&provider).await.unwrap();
    assert_eq!(sent.id(), Some(parcel.message.message_id.as_str()));
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].from, "hello@acme.test");
    assert_eq!(mails[0].to, ["ada@example.org"]);
    assert_eq!(mails[0].content, parcel.wire());
    assert!(parcel.latch.is_set());
}

/// A server with everything that has a stage of its own.
async fn server() -> (SmtpServer, SmtpConfig) {
    let authority = Authority::new();
    let options = ServerOptions::new()
        .tls(ServerTls::StartTls(authority.issue(&["127.0.0.1"])))
        .mechanisms(&["PLAIN"])
        .account("acme", "secret");
    let server = SmtpServer::start(options).await;
    let config = account(&server)
        .with_security(Security::StartTls)
        .with_port(server.port())
        .with_tls(TlsOptions::new().trust_only(authority.pem()))
        .with_auth(Auth::password("acme", "secret"));
    (server, config)
}

const STAGES: [Step; 10] = [
    Step::Connect,
    Step::Hello,
    Step::StartTls,
    Step::Handshake,
    Step::Auth,
    Step::Mail,
    Step::Recipient,
    Step::Data,
    Step::Content,
    Step::Dot,
];

/// Everything but the answer is as the server's books have it.
fn check_books(server: &SmtpServer, step: Step, latch: bool, hint: &str) {
    let mails = server.mails();
    let begun = matches!(step, Step::Content | Step::Dot);
    assert_eq!(latch, begun, "{hint}: the latch");
    assert_eq!(mails.len(), usize::from(begun), "{hint}: what came");
    if let [mail] = mails.as_slice() {
        assert_eq!(mail.whole, step == Step::Dot, "{hint}: how much came");
        assert!(!mail.is_taken(), "{hint}: taken");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_unknown_only_once_content_went_out() {
    for step in STAGES {
        let (server, config) = server().await;
        server.once(step, Act::Drop);
        let provider = provider(config);
        let parcel = Parcel::new();
        let error = parcel.send(&provider).await.unwrap_err();
        let expected = match step {
            Step::Content | Step::Dot => Unknown,
            _ => Retryable,
        };
        let hint = format!("{step:?}: {error}");
        assert_eq!(
            (error.outcome(), error.fault()),
            (expected, Provider),
            "{hint}"
        );
        assert!(error.suppresses().is_none(), "{hint}");
        check_books(&server, step, parcel.latch.is_set(), &hint);
        // The next mail goes over a new connection.
        Parcel::new().send(&provider).await.unwrap();
        assert_eq!(server.visits().len(), 2, "{hint}");
    }
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_at_the_deadline_of_the_stage() {
    let seconds = Duration::from_secs;
    let mut deadlines = Deadlines::default();
    deadlines.tls = seconds(2);
    deadlines.greeting = seconds(3);
    deadlines.command = seconds(4);
    deadlines.mail = seconds(5);
    deadlines.recipient = seconds(6);
    deadlines.data = seconds(7);
    deadlines.accept = seconds(8);
    for step in STAGES {
        let (limit, outcome) = match step {
            Step::Connect => (3, Retryable),
            Step::Handshake => (2, Retryable),
            Step::Hello | Step::StartTls | Step::Auth => (4, Retryable),
            Step::Mail => (5, Retryable),
            Step::Recipient => (6, Retryable),
            Step::Data => (7, Retryable),
            _ => (8, Unknown),
        };
        let (server, config) = server().await;
        server.once(step, Act::Stall);
        let clock = ManualClock::default();
        let config = config.with_deadlines(deadlines);
        let provider = SmtpProvider::with_clock(config, Arc::new(clock.clone())).unwrap();
        let parcel = Parcel::new();
        let sending = parcel.send(&provider);
        let stalled = async {
            server.reached(step, 1).await;
            let wait = clock.next_wakeup().expect("a deadline");
            assert_eq!(wait, seconds(limit), "{step:?}");
            clock.advance(wait);
        };
        let (sent, ()) = tokio::join!(sending, stalled);
        let error = sent.unwrap_err();
        let hint = format!("{step:?}: {error}");
        assert_eq!(
            (error.outcome(), error.fault()),
            (outcome, Provider),
            "{hint}"
        );
        check_books(&server, step, parcel.latch.is_set(), &hint);
        server.closed(1).await;
        assert!(provider.capabilities().timeout > seconds(limit), "{hint}");
    }
}

/// Sends to a server that answers like this at this step.
async fn refusal(step: Step, reply: &[u8]) -> (SendError, SmtpServer) {
    let (server, config) = server().await;
    server.always(step, Act::Reply([reply, b"\r\n"].concat()));
    let parcel = Parcel::new();
    let sent = parcel.send(&provider(config)).await;
    let hint = String::from_utf8_lossy(reply).into_owned();
    let error = sent.expect_err(&hint);
    check_books(
        &server,
        step,
        parcel.latch.is_set(),
        &format!("{hint} at {step:?}"),
    );
    (error, server)
}

#[tokio::test]
async fn a_refusal_is_read_by_stage_code_and_enhanced_code() {
    use Step::{Auth, Connect, Data, Dot, Hello, Mail, Recipient as Rcpt, StartTls};
    const SUPPRESSED: bool = true;
    const KEPT: bool = false;
    let table: &[(&[Step], &str, Outcome, Fault, bool)] = &[
        // 4xx without an enhanced code.
        (
            &[Connect, Hello, StartTls, Auth, Mail, Rcpt, Data, Dot],
            "421 closing",
            Retryable,
            Provider,
            KEPT,
        ),
        (
            &[Connect, Hello, StartTls, Auth, Mail, Data, Dot],
            "450 not now",
            Retryable,
            Provider,
            KEPT,
        ),
        (&[Rcpt], "450 mailbox busy", Retryable, Recipient, KEPT),
        (
            &[Mail, Rcpt, Data, Dot],
            "451 local error",
            Retryable,
            Provider,
            KEPT,
        ),
        (
            &[Mail, Rcpt, Data, Dot],
            "452 no room",
            Retryable,
            Provider,
            KEPT,
        ),
        (
            &[StartTls, Auth],
            "454 4.7.0 not available",
            Retryable,
            Provider,
            KEPT,
        ),
        // 4xx with one.
        (&[Rcpt, Dot], "450 4.2.1 busy", Retryable, Recipient, KEPT),
        (&[Rcpt, Dot], "452 4.2.2 full", Retryable, Recipient, KEPT),
        (
            &[Rcpt, Dot],
            "451 4.4.1 host down",
            Retryable,
            Recipient,
            KEPT,
        ),
        (
            &[Mail, Rcpt, Data, Dot],
            "452 4.3.1 no room",
            Retryable,
            Provider,
            KEPT,
        ),
        (
            &[Mail, Rcpt, Data, Dot],
            "421 4.7.0 too fast",
            Retryable,
            Quota,
            KEPT,
        ),
        (
            &[Connect, Mail, Rcpt, Data, Dot],
            "451 4.7.1 try later",
            Retryable,
            Quota,
            KEPT,
        ),
        (
            &[Rcpt, Dot],
            "450 4.7.1 Greylisted, come back",
            Retryable,
            Recipient,
            KEPT,
        ),
        (&[Rcpt], "452 4.5.3 too many", Retryable, Recipient, KEPT),
        // The account.
        (
            &[Auth, Mail, Rcpt, Data, Dot],
            "530 5.7.0 sign in",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Auth, Mail, Rcpt, Data, Dot],
            "535 5.7.8 wrong",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Auth, Mail, Rcpt, Dot],
            "550 5.7.30 no passwords any more",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Auth],
            "534 5.7.9 another way",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Connect, Hello, StartTls, Auth],
            "554 go away",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Connect, Hello, StartTls, Auth],
            "550 5.7.1 go away",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Rcpt],
            "554 5.7.1 <a@b>: Relay access denied",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Rcpt],
            "550 5.7.54 Unable to relay recipient",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Mail],
            "553 5.1.8 no such sender",
            Retryable,
            Configuration,
            KEPT,
        ),
        (
            &[Mail, Rcpt],
            "550 5.1.7 bad sender",
            Retryable,
            Configuration,
            KEPT,
        ),
        (&[Mail], "550 not from you", Retryable, Configuration, KEPT),
        (&[Mail, Data], "502 what?", Retryable, Configuration, KEPT),
        (&[Mail], "555 what?", Retryable, Configuration, KEPT),
        // The recipient.
        (
            &[Rcpt, Dot],
            "550 5.1.1 no such user",
            Permanent,
            Recipient,
            SUPPRESSED,
        ),
        (
            &[Rcpt, Dot],
            "550 5.1.2 no such host",
            Permanent,
            Recipient,
            SUPPRESSED,
        ),
        (
            &[Rcpt, Dot],
            "501 5.1.3 bad address",
            Permanent,
            Recipient,
            SUPPRESSED,
        ),
        (
            &[Rcpt, Dot],
            "551 5.1.6 moved",
            Permanent,
            Recipient,
            SUPPRESSED,
        ),
        (
            &[Rcpt, Dot],
            "556 5.1.10 null MX",
            Permanent,
            Recipient,
            SUPPRESSED,
        ),
        (
            &[Rcpt, Dot],
            "550 5.2.1 disabled",
            Permanent,
            Recipient,
            SUPPRESSED,
        ),
        (&[Rcpt, Dot], "552 5.2.2 full", Permanent, Recipient, KEPT),
        (&[Rcpt], "552 full", Permanent, Recipient, KEPT),
        (
            &[Rcpt, Dot],
            "550 5.4.1 no route",
            Permanent,
            Recipient,
            KEPT,
        ),
        (&[Rcpt], "550 no", Permanent, Recipient, KEPT),
        (&[Rcpt], "554 no", Permanent, Recipient, KEPT),
        (&[Rcpt], "501 what?", Permanent, Recipient, KEPT),
        // A class that is not that of the code is none.
        (&[Rcpt], "550 4.1.1 what now?", Permanent, Recipient, KEPT),
        // The mail.
        (
            &[Mail, Dot],
            "552 5.3.4 too large",
            Permanent,
            Message,
            KEPT,
        ),
        (&[Mail, Dot], "552 too large", Permanent, Message, KEPT),
        (
            &[Rcpt, Dot],
            "550 5.2.3 too large for them",
            Permanent,
            Message,
            KEPT,
        ),
        (
            &[Data, Dot],
            "554 5.6.0 bad content",
            Permanent,
            Message,
            KEPT,
        ),
        (&[Data, Dot], "550 no", Permanent, Message, KEPT),
        (&[Dot], "500 what?", Permanent, Message, KEPT),
        // The receiver's rules, which are never the recipient's fault.
        (
            &[Mail, Rcpt, Data, Dot],
            "550 5.7.1 spam",
            Permanent,
            Message,
            KEPT,
        ),
        (
            &[Rcpt, Dot],
            "550 5.7.26 unauthenticated",
            Permanent,
            Message,
            KEPT,
        ),
        (
            &[Rcpt, Dot],
            "550 5.7.515 access denied",
            Permanent,
            Message,
            KEPT,
        ),
        (&[Dot], "550 5.7.9 no DMARC", Permanent, Message, KEPT),
        (&[Rcpt, Dot], "554 5.3.2 not now", Permanent, Provider, KEPT),
    ];
    for (steps, reply, outcome, fault, suppressed) in table {
        for step in *steps {
            let (error, _server) = refusal(*step, reply.as_bytes()).await;
            let hint = format!("{reply} at {step:?}: {error}");
            assert_eq!(
                (error.outcome(), error.fault()),
                (*outcome, *fault),
                "{hint}"
            );
            assert_eq!(error.suppresses().is_some(), *suppressed, "{hint}");
            let code = error.code().expect(&hint);
            assert!(reply.starts_with(code), "{hint}");
            let throttles = *fault == Quota || reply.contains("Greylisted");
            assert_eq!(error.retry_after().is_some(), throttles, "{hint}");
        }
    }
}

#[tokio::test]
async fn what_is_no_smtp_is_a_fault_of_the_server() {
    for step in STAGES {
        if matches!(step, Step::Handshake | Step::Content) {
            continue;
        }
        for reply in [&b"hello"[..], b"999 what", b"25", b"", b"350-a\r\n550 b"] {
            let (error, _server) = refusal(step, reply).await;
            let outcome = if step == Step::Dot {
                Unknown
            } else {
                Retryable
            };
            let hint = format!("{:?} at {step:?}: {error}", String::from_utf8_lossy(reply));
            assert_eq!(
                (error.outcome(), error.fault()),
                (outcome, Provider),
                "{hint}"
            );
        }
    }
    // Read, but not what the command asks for.
    for (step, reply) in [
        (Step::Connect, "250 hello"),
        (Step::StartTls, "250 ok"),
        (Step::Auth, "250 ok"),
        (Step::Mail, "354 go ahead"),
        (Step::Recipient, "354 go ahead"),
        (Step::Data, "250 ok"),
        (Step::Dot, "354 go on"),
    ] {
        let (error, _server) = refusal(step, reply.as_bytes()).await;
        let outcome = if step == Step::Dot {
            Unknown
        } else {
            Retryable
        };
        assert_eq!(error.outcome(), outcome, "{reply} at {step:?}");
    }
}

#[tokio::test]
async fn an_answer_in_an_odd_form_counts_as_what_it_says() {
    for reply in [
        &b"250\r\n"[..],
        b"250 ok\n",
        b"250 angenommen, Gr\xfc\xdfe\r\n",
        b"250-one\r\n250-two\r\n250\r\n",
    ] {
        let (server, provider) = plain().await;
        server.once(Step::Dot, Act::Reply(reply.to_vec()));
        let sent = Parcel::new().send(&provider).await;
        let hint = String::from_utf8_lossy(reply);
        sent.unwrap_or_else(|error| panic!("{hint:?}: {error}"));
        // And the connection is still in step.
        Parcel::new().send(&provider).await.unwrap();
        assert_eq!(server.visits().len(), 1, "{hint:?}");
    }
    let (error, _server) = refusal(Step::Recipient, b"550 5.1.1 unbekannt, Gr\xfc\xdfe").await;
    assert!(error.suppresses().is_some());
}

#[tokio::test]
async fn an_error_shows_nothing_of_the_mail_or_the_reply() {
    for step in [Step::Mail, Step::Recipient, Step::Dot] {
        let reply = b"550 5.7.1 ada@example.org hello@acme.test Welcome";
        let (error, _server) = refusal(step, reply).await;
        let shown = format!("{error} {error:?}");
        for secret in ["ada", "hello", "Welcome", "secret"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
    }
}
