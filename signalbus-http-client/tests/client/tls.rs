use std::{future::pending, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use signalbus_http_client::{BaseUrl, HttpClient, HttpConfig, HttpErrorKind, TlsConfig};
use signalbus_testkit::ManualClock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::server::{bell, client, in_time, patient, request, sent, serving, trusting};

/// A TLS server for this name that answers 204; its certificate.
async fn tls_server(name: &str) -> (BaseUrl, Vec<u8>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(connection).await {
                    let mut some = [0; 4096];
                    let _ = stream.read(&mut some).await;
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            });
        }
    });
    let base = BaseUrl::parse(&format!("https://localhost:{port}")).unwrap();
    (base, cert.der().to_vec())
}

#[tokio::test]
async fn a_root_that_was_given_is_trusted() {
    let (base, root) = tls_server("localhost").await;
    let (answer, _) = sent(&trusting(&root), request(&base, 10)).await;
    assert_eq!(answer.unwrap().status(), 204);
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_refused_and_nothing_is_sent() {
    let (base, _) = tls_server("localhost").await;
    assert_refused(&client(), &base).await;
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused_and_nothing_is_sent() {
    let (base, root) = tls_server("other.example").await;
    assert_refused(&trusting(&root), &base).await;
}

#[tokio::test]
async fn what_is_not_tls_is_refused_and_nothing_is_sent() {
    let base = serving(|mut connection| async move {
        let _ = connection.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").await;
        let mut some = [0; 4096];
        while connection
            .read(&mut some)
            .await
            .is_ok_and(|count| count > 0)
        {}
    })
    .await;
    assert_refused(&client(), &as_https(&base)).await;
}

/// There is a TCP connection, but no TLS: nothing was sent.
#[tokio::test]
async fn a_handshake_that_hangs_meets_the_limit_for_connecting() {
    let (rang, mut bell) = bell();
    let base = serving(move |mut connection| {
        let rang = rang.clone();
        async move {
            let mut some = [0; 5];
            connection.read_exact(&mut some).await.unwrap();
            rang.send(()).unwrap();
            pending::<()>().await;
        }
    })
    .await;
    let clock = ManualClock::default();
    let client = patient(&clock);
    let send = sent(&client, request(&as_https(&base), 10));
    tokio::pin!(send);
    tokio::select! {
        _ = &mut send => panic!("there is no connection"),
        _ = bell.recv() => {}
    }
    let (result, started) = in_time(&clock, send).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::ConnectTimeout);
    assert!(!error.possibly_sent() && !started);
}

/// A library must leave the choice of a process-wide provider to its host.
#[tokio::test]
async fn no_default_provider_is_installed() {
    let (base, root) = tls_server("localhost").await;
    sent(&trusting(&root), request(&base, 10)).await.0.unwrap();
    assert!(tokio_rustls::rustls::crypto::CryptoProvider::get_default().is_none());
}

#[test]
fn a_root_that_is_none_is_refused() {
    let tls = TlsConfig::default().with_root(b"nonsense".as_slice());
    HttpClient::new(HttpConfig::default().tls(tls)).unwrap_err();
}

async fn assert_refused(client: &HttpClient, base: &BaseUrl) {
    let (result, started) = sent(client, request(base, 10)).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Tls, "{error:?}");
    assert!(!error.possibly_sent() && !started);
}

fn as_https(base: &BaseUrl) -> BaseUrl {
    let text = format!("{base:?}");
    let origin = text
        .strip_prefix("BaseUrl(http://")
        .and_then(|rest| rest.strip_suffix("…)"))
        .unwrap();
    BaseUrl::parse(&format!("https://{origin}")).unwrap()
}
