use std::{fmt, sync::Arc};

use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider, pki_types::CertificateDer};

use crate::ConfigError;

/// Whom a client trusts, and what it computes with. TLS 1.2 and 1.3; the roots of Mozilla; never
/// the default provider of the process, which is the host's to choose.
#[derive(Clone, Default)]
pub struct TlsConfig {
    provider: Option<Arc<CryptoProvider>>,
    only_own_roots: bool,
    roots: Vec<CertificateDer<'static>>,
}

impl TlsConfig {
    /// Computes with this provider instead of the one this crate was built with.
    #[must_use]
    pub fn with_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Trusts this root as well: one certificate in DER. For a gateway or a test server.
    #[must_use]
    pub fn with_root(mut self, der: impl Into<Vec<u8>>) -> Self {
        self.roots.push(CertificateDer::from(der.into()));
        self
    }

    /// Trusts nobody but the roots given by [`TlsConfig::with_root`].
    #[must_use]
    pub fn only_own_roots(mut self) -> Self {
        self.only_own_roots = true;
        self
    }

    pub(crate) fn client(&self) -> Result<ClientConfig, ConfigError> {
        let provider = self
            .provider
            .clone()
            .or_else(built_in)
            .ok_or(ConfigError::NoTlsProvider)?;
        let mut roots = RootCertStore::empty();
        if !self.only_own_roots {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for root in &self.roots {
            roots.add(root.clone()).map_err(ConfigError::Root)?;
        }
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ConfigError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(config)
    }
}

fn built_in() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "tls-aws-lc-rs")]
    return Some(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(all(feature = "tls-ring", not(feature = "tls-aws-lc-rs")))]
    return Some(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(not(any(feature = "tls-ring", feature = "tls-aws-lc-rs")))]
    None
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig")
            .field("only_own_roots", &self.only_own_roots)
            .field("roots", &self.roots.len())
            .finish_non_exhaustive()
    }
}
