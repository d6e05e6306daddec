//! Changing.

use serde_json::json;
use signalbus_core::{
    directory::{Changed, Expect, Kind, TrailFilter},
    store::StoreErrorKind,
};

use super::{
    Harness,
    harness::{change, of},
};

/// Compare and set: whoever comes second finds another revision.
pub async fn of_two_changes_to_one_revision_the_first_happens(h: Harness) {
    let acme = of("acme");
    let put = async |expect, body| h.put(&acme, Kind::Template, "t", expect, body).await;
    let first = put(Expect::Absent, Some(json!(1))).await.unwrap();
    let second = put(Expect::Revision(first), Some(json!(2))).await.unwrap();
    assert!(second > first);
    assert_eq!(put(Expect::Revision(first), Some(json!(3))).await, None);
    assert_eq!(put(Expect::Revision(first), None).await, None);
    let entry = h
        .directory
        .entry(&acme, Kind::Template, "t")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((entry.revision, entry.body), (second, json!(2)));
    assert!(put(Expect::Any, Some(json!(4))).await.is_some());
}

/// Who makes something anew does not overwrite what is there; who changes nothing makes nothing.
pub async fn what_is_there_is_not_made_again(h: Harness) {
    let acme = of("acme");
    let put = async |expect, body| h.put(&acme, Kind::Template, "t", expect, body).await;
    assert_eq!(put(Expect::Revision(1), Some(json!(0))).await, None);
    assert!(put(Expect::Absent, Some(json!(1))).await.is_some());
    assert_eq!(put(Expect::Absent, Some(json!(2))).await, None);
    let entry = h
        .directory
        .entry(&acme, Kind::Template, "t")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry.body, json!(1));
}

/// When the last of several finds something else, the first was not made either.
pub async fn all_changes_happen_or_none(h: Harness) {
    let acme = of("acme");
    let there = h
        .put(
            &acme,
            Kind::Template,
            "there",
            Expect::Absent,
            Some(json!(1)),
        )
        .await;
    let new = |name, expect| change(&acme, Kind::Template, name, expect, Some(json!(2)));
    let changes = vec![
        new("new", Expect::Absent),
        new("there", Expect::Absent),
        new("newer", Expect::Absent),
    ];
    let changed = h.directory.change("ada", changes).await.unwrap();
    assert_eq!(changed, Changed::Conflict(1));
    assert_eq!(
        h.directory
            .entry(&acme, Kind::Template, "new")
            .await
            .unwrap(),
        None
    );
    let lines = h
        .directory
        .trail(&acme, TrailFilter::newest(10))
        .await
        .unwrap();
    assert_eq!(lines.len(), 1, "what was not done leaves no line");
    let changes = vec![
        new("new", Expect::Absent),
        new("there", Expect::Revision(there.unwrap())),
    ];
    let Changed::Done(revisions) = h.directory.change("ada", changes).await.unwrap() else {
        panic!("both find what they expect");
    };
    assert!(revisions[0] < revisions[1]);
    assert!(
        h.directory
            .entry(&acme, Kind::Template, "new")
            .await
            .unwrap()
            .is_some()
    );
}

/// What was removed and made anew is not what it was.
pub async fn a_revision_never_comes_again(h: Harness) {
    let acme = of("acme");
    let put = async |expect, body| h.put(&acme, Kind::Template, "t", expect, body).await;
    let mut last = 0;
    for _ in 0..3 {
        let made = put(Expect::Absent, Some(json!(1))).await.unwrap();
        assert!(made > last);
        let removed = put(Expect::Revision(made), None).await.unwrap();
        assert!(removed > made);
        assert_eq!(
            h.directory.entry(&acme, Kind::Template, "t").await.unwrap(),
            None
        );
        last = removed;
    }
}

/// Names without letters, with too many, with controls; and one entry twice.
pub async fn what_no_directory_takes_is_refused(h: Harness) {
    let acme = of("acme");
    let long = "n".repeat(256);
    for name in ["", "a\0b", "a\nb", long.as_str()] {
        let change = change(&acme, Kind::Template, name, Expect::Any, Some(json!(1)));
        let error = h.directory.change("ada", vec![change]).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{name:?}");
    }
    let twice = change(&acme, Kind::Template, "t", Expect::Any, Some(json!(1)));
    let error = h
        .directory
        .change("ada", vec![twice.clone(), twice])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    let longest = "n".repeat(255);
    assert!(
        h.put(&acme, Kind::Template, &longest, Expect::Any, Some(json!(1)))
            .await
            .is_some()
    );
    assert_eq!(
        h.directory.change("ada", Vec::new()).await.unwrap(),
        Changed::Done(Vec::new())
    );
}
