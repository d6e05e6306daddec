//! How accounts sign in.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use signalbus::provider::{Fault, Outcome};
use signalbus_smtp::{Auth, PoolLimits, SmtpProvider, Token, TokenError, TokenSource};
use signalbus_testkit::{
    ManualClock,
    smtp::{ServerOptions, SmtpServer},
};
use tokio::sync::Semaphore;

use crate::support::{Parcel, account, provider};

async fn offering(mechanisms: &[&str]) -> SmtpServer {
    let options = ServerOptions::new()
        .mechanisms(mechanisms)
        .account("acme", "s3cr3t")
        .account("hello@acme.test", "token-1");
    SmtpServer::start(options).await
}

#[tokio::test]
async fn passwords_go_by_the_best_mechanism_that_is_offered() {
    for (mechanisms, line) in [
        (&["LOGIN", "PLAIN"][..], "AUTH PLAIN AGFjbWUAczNjcjN0"),
        (&["LOGIN"], "AUTH LOGIN"),
    ] {
        let server = offering(mechanisms).await;
        let config = account(&server).with_auth(Auth::password("acme", "s3cr3t"));
        Parcel::new().send(&provider(config)).await.unwrap();
        let visit = &server.visits()[0];
        assert_eq!(visit.user.as_deref(), Some("acme"));
        assert_eq!(visit.lines[1], line);
    }
}

#[tokio::test]
async fn an_account_that_does_not_come_in_is_paused() {
    for (mechanisms, auth) in [
        (&["PLAIN"][..], Auth::password("acme", "wrong")),
        (&["LOGIN"], Auth::password("acme", "wrong")),
        (&["XOAUTH2"], Auth::password("acme", "s3cr3t")),
        (&["PLAIN"], Auth::token("acme", Tokens::new(&["token-1"]))),
        (
            &["XOAUTH2"],
            Auth::token("hello@acme.test", Tokens::new(&["old"])),
        ),
        (&[], Auth::password("acme", "s3cr3t")),
        (&["PLAIN"], Auth::None),
    ] {
        let server = offering(mechanisms).await;
        let config = account(&server).with_auth(auth);
        let error = Parcel::new().send(&provider(config)).await.unwrap_err();
        assert_eq!(
            (error.outcome(), error.fault()),
            (Outcome::Retryable, Fault::Configuration),
            "{mechanisms:?}: {error}"
        );
        assert!(!format!("{error:?}").contains("s3cr3t"));
        assert_eq!(server.mails(), []);
    }
}

/// Gives these tokens in turn, when it is let.
#[derive(Debug, Clone)]
struct Tokens {
    tokens: Arc<Mutex<Vec<Result<&'static str, TokenError>>>>,
    asked: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Tokens {
    fn new(tokens: &[&'static str]) -> Self {
        let answers: Vec<_> = tokens.iter().rev().map(|token| Ok(*token)).collect();
        Self::answering(answers)
    }

    fn answering(answers: Vec<Result<&'static str, TokenError>>) -> Self {
        Self {
            tokens: Arc::new(Mutex::new(answers)),
            asked: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }
}

#[async_trait]
impl TokenSource for Tokens {
    async fn fetch(&self) -> Result<Token, TokenError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.gate.acquire().await.unwrap().forget();
        let token = self.tokens.lock().unwrap().pop().expect("a token")?;
        Ok(Token::new(token, Duration::from_secs(3600)))
    }
}

#[tokio::test]
async fn a_token_is_fetched_once_for_all_who_wait() {
    let server = offering(&["XOAUTH2"]).await;
    let mut tokens = Tokens::new(&["token-1"]);
    tokens.gate = Arc::new(Semaphore::new(0));
    let config = account(&server).with_auth(Auth::token("hello@acme.test", tokens.clone()));
    let provider = provider(config);
    let parcels: Vec<_> = (0..8).map(|_| Parcel::new()).collect();
    let sends = futures::future::join_all(parcels.iter().map(|parcel| parcel.send(&provider)));
    let opening = async {
        // All of them have said hello, and wait.
        server
            .reached(signalbus_testkit::smtp::Step::Hello, 8)
            .await;
        tokens.gate.add_permits(1);
    };
    let (sent, ()) = tokio::join!(sends, opening);
    for sent in sent {
        sent.unwrap();
    }
    assert_eq!(tokens.asked.load(Ordering::Relaxed), 1);
    assert_eq!(server.mails().len(), 8);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_runs_out_and_after_it_was_refused() {
    let server = offering(&["XOAUTH2"]).await;
    let clock = ManualClock::default();
    let tokens = Tokens::new(&["token-1", "revoked", "token-1"]);
    let mut pool = PoolLimits::default();
    pool.mails = 1;
    let config = account(&server)
        .with_pool(pool)
        .with_auth(Auth::token("hello@acme.test", tokens.clone()));
    let provider = SmtpProvider::with_clock(config, Arc::new(clock.clone())).unwrap();
    let asked = || tokens.asked.load(Ordering::Relaxed);
    for _ in 0..3 {
        Parcel::new().send(&provider).await.unwrap();
    }
    assert_eq!(asked(), 1);
    clock.advance(Duration::from_secs(3600 - 60));
    let error = Parcel::new().send(&provider).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Configuration);
    assert_eq!(asked(), 2, "a minute before its end it is as good as over");
    Parcel::new().send(&provider).await.unwrap();
    assert_eq!(asked(), 3, "the refused one is not used again");
}

#[tokio::test]
async fn a_source_without_token_says_whether_to_wait_or_to_pause() {
    for (answer, fault) in [
        (TokenError::Unavailable, Fault::Provider),
        (TokenError::Refused, Fault::Configuration),
    ] {
        let server = offering(&["XOAUTH2"]).await;
        let tokens = Tokens::answering(vec![Ok("token-1"), Err(answer)]);
        let config = account(&server).with_auth(Auth::token("hello@acme.test", tokens));
        let provider = provider(config);
        let error = Parcel::new().send(&provider).await.unwrap_err();
        assert_eq!(
            (error.outcome(), error.fault()),
            (Outcome::Retryable, fault)
        );
        Parcel::new().send(&provider).await.unwrap();
    }
}
