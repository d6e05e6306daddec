//! Whom we trust, and who we are.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use secrecy::{ExposeSecret, SecretString};

/// Whom TLS trusts, and who it says we are. By default it trusts the public authorities of the web
/// and says nothing of us.
#[derive(Clone, Default)]
pub struct TlsOptions {
    ca: Vec<String>,
    only_ca: bool,
    client: Option<(String, SecretString)>,
}

/// Why TLS cannot be set up. Shows no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The own authority is no PEM with certificates.
    #[error("the certificate of the authority is not in PEM form")]
    Ca,
    /// The certificate or key of the client cannot be read, or they do not belong together.
    #[error(
        "the certificate and key of the client cannot be used; both are PEM, the key unencrypted"
    )]
    Client,
    /// TLS itself.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl TlsOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts this authority too, in PEM form; one or more certificates.
    #[must_use]
    pub fn trust(mut self, pem: impl Into<String>) -> Self {
        self.ca.push(pem.into());
        self
    }

    /// Trusts this authority and no public one.
    #[must_use]
    pub fn trust_only(mut self, pem: impl Into<String>) -> Self {
        self.only_ca = true;
        self.trust(pem)
    }

    /// Shows this certificate to brokers that ask for one: its chain and its key in PEM form.
    #[must_use]
    pub fn identify(mut self, chain: impl Into<String>, key: impl Into<SecretString>) -> Self {
        self.client = Some((chain.into(), key.into()));
        self
    }

    /// The crypto provider is named, so that it does not matter what the host installed.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let mut roots = RootCertStore::empty();
        if !self.only_ca {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for pem in &self.ca {
            for certificate in certificates(pem).ok_or(TlsError::Ca)? {
                roots.add(certificate).map_err(|_| TlsError::Ca)?;
            }
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_root_certificates(roots);
        let config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let chain = certificates(chain).ok_or(TlsError::Client)?;
                let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes())
                    .map_err(|_| TlsError::Client)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|_| TlsError::Client)?
            }
        };
        Ok(Arc::new(config))
    }
}

/// At least one certificate.
fn certificates(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    read.ok().filter(|read| !read.is_empty())
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("own_authorities", &self.ca.len())
            .field("only_own", &self.only_ca)
            .field("client_certificate", &self.client.is_some())
            .finish()
    }
}
