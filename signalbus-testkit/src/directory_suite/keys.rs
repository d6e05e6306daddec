//! Keys of the API.

use std::time::Duration;

use serde_json::json;
use signalbus_core::{
    Clock,
    clock::later,
    directory::{
        Expect, Kind, NamePage, Owner, TrailFilter,
        keys::{KeyError, NewKey, Pepper, Scope},
    },
};

use super::{Harness, harness::of};

/// Who comes with a key has not said yet who they are.
pub async fn a_key_is_found_by_its_name_alone(h: Harness) {
    let acme = of("acme");
    h.put(&acme, Kind::Key, "k1", Expect::Absent, Some(json!(1)))
        .await
        .unwrap();
    h.put(
        &Owner::Host,
        Kind::Key,
        "k2",
        Expect::Absent,
        Some(json!(2)),
    )
    .await
    .unwrap();
    h.put(&acme, Kind::Template, "t1", Expect::Absent, Some(json!(3)))
        .await
        .unwrap();
    assert_eq!(h.directory.key("k1").await.unwrap().unwrap().owner, acme);
    assert_eq!(
        h.directory.key("k2").await.unwrap().unwrap().owner,
        Owner::Host
    );
    for name in ["t1", "k", "", "k1\0", "K1"] {
        assert_eq!(h.directory.key(name).await.unwrap(), None, "{name:?}");
    }
}

/// Two owners cannot have keys of one name: a request would be anybody's.
pub async fn a_name_of_a_key_is_used_once(h: Harness) {
    let (acme, other) = (of("acme"), of("other"));
    h.put(&acme, Kind::Key, "k", Expect::Absent, Some(json!(1)))
        .await
        .unwrap();
    for expect in [Expect::Absent, Expect::Any] {
        assert_eq!(
            h.put(&other, Kind::Key, "k", expect, Some(json!(2))).await,
            None
        );
    }
    assert_eq!(h.directory.key("k").await.unwrap().unwrap().owner, acme);
    h.put(&acme, Kind::Key, "k", Expect::Any, None)
        .await
        .unwrap();
    assert_eq!(h.directory.key("k").await.unwrap(), None);
    assert!(
        h.put(&other, Kind::Key, "k", Expect::Absent, Some(json!(2)))
            .await
            .is_some()
    );
}

/// The last use moves forward only, and is no change.
pub async fn the_last_use_is_noted_and_changes_nothing_else(h: Harness) {
    let acme = of("acme");
    let revision = h
        .put(&acme, Kind::Key, "k", Expect::Absent, Some(json!(1)))
        .await;
    let now = h.clock.now();
    let after = later(now, Duration::from_secs(1));
    for at in [now, after, now] {
        h.directory.used("k", at).await.unwrap();
    }
    h.directory.used("nobody's", now).await.unwrap();
    let entry = h.directory.key("k").await.unwrap().unwrap();
    assert_eq!(
        entry.used_at.map(|at| at.as_microsecond()),
        Some(after.as_microsecond())
    );
    assert_eq!(Some(entry.revision), revision);
    h.put(&acme, Kind::Key, "k", Expect::Any, Some(json!(2)))
        .await
        .unwrap();
    let entry = h.directory.key("k").await.unwrap().unwrap();
    assert!(entry.used_at.is_some(), "a change does not forget it");
    let lines = h
        .directory
        .trail(&acme, TrailFilter::newest(10))
        .await
        .unwrap();
    assert_eq!(lines.len(), 2);
}

/// A key is shown once, kept as a hash, and known again.
pub async fn who_comes_with_a_key_is_known(h: Harness) {
    let keys = h.keys();
    let new = NewKey::new(of("acme"), "shop", [Scope::Publish, Scope::Read]);
    let (token, made) = keys.issue("ada", new).await.unwrap();
    let known = keys.authenticate(token.expose()).await.unwrap();
    assert_eq!(
        (&known.id, &known.owner, &known.label),
        (&made.id, &of("acme"), &made.label)
    );
    assert_eq!(known.scopes, [Scope::Publish, Scope::Read].into());
    let entry = h.directory.key(token.id()).await.unwrap().unwrap();
    let secret = &token.expose()[token.expose().len() - 72..];
    assert!(
        !entry.body.to_string().contains(&secret[..16]),
        "the key itself is kept"
    );
    assert!(entry.used_at.is_some());
    let (other, _) = keys
        .issue("ada", NewKey::new(of("other"), "", [Scope::Read]))
        .await
        .unwrap();
    // The public part of one with the secret part of another.
    let mixed = format!("{}{}", &token.expose()[..21], &other.expose()[21..]);
    for wrong in [mixed.as_str(), "", "sbk_", &token.expose()[1..]] {
        let refused = keys.authenticate(wrong).await.unwrap_err();
        assert!(matches!(refused, KeyError::Refused), "{refused:?}");
    }
    let mine = keys.list(&of("acme"), NamePage::first(10)).await.unwrap();
    assert_eq!(mine.len(), 1);
    let not_mine = keys.get(&of("acme"), other.id()).await.unwrap_err();
    assert!(matches!(not_mine, KeyError::NotFound));
}

/// At its end, and not before.
pub async fn an_expired_key_is_refused(h: Harness) {
    let keys = h.keys();
    let end = later(h.clock.now(), Duration::from_secs(60));
    let new = NewKey::new(of("acme"), "", [Scope::Read]).expires_at(end);
    let (token, _) = keys.issue("ada", new).await.unwrap();
    h.clock.advance(Duration::from_secs(59));
    assert!(keys.authenticate(token.expose()).await.is_ok());
    h.clock.advance(Duration::from_secs(1));
    let refused = keys.authenticate(token.expose()).await.unwrap_err();
    assert!(matches!(refused, KeyError::Refused));
}

/// At once, and for good.
pub async fn a_revoked_key_is_refused(h: Harness) {
    let keys = h.keys();
    let (token, made) = keys
        .issue("ada", NewKey::new(of("acme"), "", [Scope::Read]))
        .await
        .unwrap();
    let not_theirs = keys
        .revoke("eve", &of("other"), &made.id)
        .await
        .unwrap_err();
    assert!(matches!(not_theirs, KeyError::NotFound));
    assert!(keys.authenticate(token.expose()).await.is_ok());
    let revoked = keys.revoke("ada", &of("acme"), &made.id).await.unwrap();
    let refused = keys.authenticate(token.expose()).await.unwrap_err();
    assert!(matches!(refused, KeyError::Refused));
    let again = keys.revoke("ada", &of("acme"), &made.id).await.unwrap();
    assert_eq!(again.revoked_at, revoked.revoked_at);
}

/// Both are good while they overlap, and then only the new one.
pub async fn a_rotated_key_is_good_for_the_overlap(h: Harness) {
    let keys = h.keys();
    let (old, made) = keys
        .issue("ada", NewKey::new(of("acme"), "shop", [Scope::Read]))
        .await
        .unwrap();
    let overlap = Duration::from_secs(3_600);
    let (new, record) = keys
        .rotate("ada", &of("acme"), &made.id, overlap)
        .await
        .unwrap();
    assert_eq!((&record.scopes, &record.label), (&made.scopes, &made.label));
    assert_ne!(new.id(), old.id());
    h.clock.advance(Duration::from_secs(3_599));
    for token in [&old, &new] {
        assert!(keys.authenticate(token.expose()).await.is_ok());
    }
    h.clock.advance(Duration::from_secs(1));
    assert!(keys.authenticate(old.expose()).await.is_err());
    assert!(keys.authenticate(new.expose()).await.is_ok());
    let ended = keys.rotate("ada", &of("acme"), &made.id, overlap).await;
    assert!(matches!(ended, Err(KeyError::Invalid(_))));
}

/// Whoever copies the directory cannot make keys that another host takes.
pub async fn another_pepper_knows_no_key(h: Harness) {
    let (token, _) = h
        .keys()
        .issue("ada", NewKey::new(Owner::Host, "", [Scope::Admin]))
        .await
        .unwrap();
    let other = h.keys_under(Pepper::new([8; 32]));
    let refused = other.authenticate(token.expose()).await.unwrap_err();
    assert!(matches!(refused, KeyError::Refused));
}
