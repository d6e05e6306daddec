//! Mails through the SMTP accounts that tenants have put there: put other kinds of providers here.

use std::{error::Error, sync::Arc};

use signalbus::{
    channel::Email,
    directory::Directory,
    http::vault::{AccountError, OpenedAccount, TenantAccounts, Vault},
    provider::Provider,
    smtp::{Auth, MailFolder, Security, SmtpConfig, SmtpProvider, TlsOptions},
};

use crate::args::Accounts;

/// Sends each tenant's mails through its own account, and those of others into the folder if they may.
pub(crate) async fn mails(
    accounts: Accounts,
    directory: Arc<dyn Directory>,
    vault: Vault,
    folder: MailFolder,
) -> Result<TenantAccounts<Email>, Box<dyn Error>> {
    let mails = TenantAccounts::new("mails", directory, vault, smtp);
    let mails = match accounts {
        Accounts::Required => mails,
        Accounts::Own | Accounts::Off => mails.otherwise(folder),
    };
    Ok(mails.load().await?)
}

/// An account of the kind `smtp`, with the secrets `user` and `password`. Nothing goes out without TLS but to this machine.
fn smtp(account: &OpenedAccount) -> Result<Arc<dyn Provider<Email>>, AccountError> {
    if account.provider() != "smtp" {
        return Err(AccountError::UnknownProvider);
    }
    let host = account.host()?;
    let address = account.addresses().first().ok_or(AccountError::NoHost)?;
    let port = account.port().unwrap_or(587);
    let security = match port {
        _ if address.ip().is_loopback() => Security::Plaintext,
        465 => Security::Implicit,
        _ => Security::StartTls,
    };
    let auth = Auth::password(account.secret("user")?, account.secret("password")?);
    // The name is for the certificate alone: it leads where the guard has seen it lead.
    let config = SmtpConfig::new(address.ip().to_string())
        .with_security(security)
        .with_port(port)
        .with_tls(TlsOptions::new().server_name(host))
        .with_auth(auth);
    let provider = SmtpProvider::new(config).map_err(|_| AccountError::Unusable("host"))?;
    Ok(Arc::new(provider))
}
