//! Whose account a mail goes over.

use signalbus::{name::TenantId, provider::Provider as _};
use signalbus_smtp::{Auth, ConfigError, SmtpConfig, SmtpProvider};

use crate::support::{Parcel, account, plain};

#[tokio::test]
async fn a_tenant_with_an_account_sends_over_it_and_nobody_else_does() {
    let ((shared, provider), (own, _)) = (plain().await, plain().await);
    let acme = TenantId::new("acme").unwrap();
    let provider = provider.with_tenant(acme.clone(), &account(&own)).unwrap();
    let mut parcel = Parcel::new();
    parcel.send(&provider).await.unwrap();
    assert_eq!((shared.mails().len(), own.mails().len()), (1, 0));
    parcel.tenant = acme;
    parcel.send(&provider).await.unwrap();
    assert_eq!((shared.mails().len(), own.mails().len()), (1, 1));
    assert_eq!(provider.capabilities().concurrency, 16);
}

#[test]
fn settings_that_cannot_be_used_are_refused_at_once() {
    let config = || SmtpConfig::new("mail.example");
    let refused = |config| SmtpProvider::new(config).unwrap_err();
    assert!(matches!(
        refused(config().with_name("A b")),
        ConfigError::Name(_)
    ));
    for host in ["", "two words", "mail\r\nexample", "mäil.example"] {
        let error = refused(SmtpConfig::new(host));
        assert!(
            matches!(error, ConfigError::Host { field: "host" }),
            "{host}"
        );
        let error = refused(config().with_hello(host));
        assert!(
            matches!(error, ConfigError::Host { field: "hello" }),
            "{host}"
        );
    }
    for user in ["", "a\r\nb", "a\0b"] {
        let error = refused(config().with_auth(Auth::password(user, "x")));
        assert!(matches!(error, ConfigError::User), "{user}");
    }
    let config = config().with_auth(Auth::password("acme", "s3cr3t"));
    let shown = format!(
        "{config:?} {:?}",
        SmtpProvider::new(config.clone()).unwrap()
    );
    assert!(!shown.contains("s3cr3t"), "{shown}");
}
