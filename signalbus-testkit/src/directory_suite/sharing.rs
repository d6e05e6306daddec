//! Several processes.

use serde_json::json;
use signalbus_core::{
    TenantId,
    directory::{
        Budget, Expect, Kind, Spending,
        keys::{KeyError, NewKey, Scope},
    },
};

use super::{Harness, harness::of};

/// The next request with it is refused, wherever it comes in.
pub async fn a_revoked_key_is_refused_by_another_process(h: Harness) {
    let other = h.other_process().await;
    let new = NewKey::new(of("acme"), "", [Scope::Read]);
    let (token, made) = h.keys().issue("ada", new).await.unwrap();
    assert!(other.keys().authenticate(token.expose()).await.is_ok());
    h.keys().revoke("ada", &of("acme"), &made.id).await.unwrap();
    let refused = other.keys().authenticate(token.expose()).await.unwrap_err();
    assert!(matches!(refused, KeyError::Refused));
}

/// Both read the same revision, and one of them is told.
pub async fn two_processes_that_change_one_entry_do_not_both_win(h: Harness) {
    let (other, acme) = (h.other_process().await, of("acme"));
    for round in 0..10 {
        let name = format!("t{round}");
        let put = async |h: &Harness, expect, body| {
            h.put(&acme, Kind::Template, &name, expect, Some(body))
                .await
        };
        let made = tokio::join!(
            put(&h, Expect::Absent, json!(1)),
            put(&other, Expect::Absent, json!(2))
        );
        assert!(made.0.is_some() != made.1.is_some(), "{made:?}");
        let revision = Expect::Revision(made.0.or(made.1).unwrap());
        let changed = tokio::join!(put(&h, revision, json!(3)), put(&other, revision, json!(4)));
        assert!(changed.0.is_some() != changed.1.is_some(), "{changed:?}");
    }
}

/// However they meet.
pub async fn two_processes_that_spend_do_not_spend_more_than_there_is(h: Harness) {
    let other = h.other_process().await;
    let acme = TenantId::new("acme").unwrap();
    let spend = async |h: &Harness| {
        let budgets = vec![Budget::new("month/1", 25), Budget::new("day/1", 20)];
        let spent = h.directory.spend(&acme, 3, budgets).await.unwrap();
        matches!(spent, Spending::Granted(_))
    };
    let mut granted = 0;
    for _ in 0..10 {
        let (here, there) = tokio::join!(spend(&h), spend(&other));
        granted += u32::from(here) + u32::from(there);
    }
    assert_eq!(granted, 6);
}
