use std::sync::Arc;

use rustls::pki_types::ServerName;
use signalbus_core::{channel::email::EmailAddress, clock::Clock};

use crate::{
    ConfigError, Deadlines, ReturnPath, SmtpConfig, TlsError,
    auth::{Auth, SignIn},
    client::Connector,
    pool::Pool,
};

/// An account with its connections.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) pool: Pool,
    pub(crate) return_path: Option<EmailAddress>,
    pub(crate) bounces: Option<ReturnPath>,
    pub(crate) deadlines: Deadlines,
    pub(crate) connections: usize,
}

impl Account {
    /// Checks the settings; connects to nobody.
    pub(crate) fn new(config: &SmtpConfig, clock: &Arc<dyn Clock>) -> Result<Self, ConfigError> {
        check_host(&config.host, "host")?;
        if let Some(hello) = &config.hello {
            check_host(hello, "hello")?;
        }
        if let Auth::Password { user, .. } | Auth::Token { user, .. } = &config.auth
            && (user.is_empty() || user.contains(char::is_control))
        {
            return Err(ConfigError::User);
        }
        let name = config.tls.name_of(&config.host).to_owned();
        let connector = Connector {
            host: config.host.clone(),
            port: config.port,
            security: config.security,
            tls: config.tls.connector()?,
            tls_name: ServerName::try_from(name).map_err(|_| TlsError::ServerName)?,
            hello: config.hello.clone(),
            sign_in: SignIn::new(&config.auth, clock),
            deadlines: config.deadlines,
            clock: Arc::clone(clock),
        };
        Ok(Self {
            pool: Pool::new(connector, config.pool),
            return_path: config.return_path.clone(),
            bounces: config.bounces.clone(),
            deadlines: config.deadlines,
            connections: config.pool.connections.max(1),
        })
    }
}

/// Letters, digits, and what stands between them in names and addresses.
fn check_host(host: &str, field: &'static str) -> Result<(), ConfigError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    if (1..=253).contains(&host.len()) && host.bytes().all(plain) {
        Ok(())
    } else {
        Err(ConfigError::Host { field })
    }
}
