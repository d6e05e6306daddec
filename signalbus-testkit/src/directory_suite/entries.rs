//! Reading and listing.

use serde_json::json;
use signalbus_core::directory::{Expect, Kind, NamePage, Owner};

use super::{Harness, harness::of};

/// What was written is read, with its revision and its time.
pub async fn what_was_written_is_read(h: Harness) {
    let acme = of("acme");
    let body = json!({ "addresses": { "email": "ada@example.org" } });
    let revision = h
        .put(
            &acme,
            Kind::Recipient,
            "ada",
            Expect::Absent,
            Some(body.clone()),
        )
        .await
        .unwrap();
    let entry = h
        .directory
        .entry(&acme, Kind::Recipient, "ada")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (entry.owner, entry.kind, entry.name.as_str()),
        (acme, Kind::Recipient, "ada")
    );
    assert_eq!((entry.revision, entry.body), (revision, body));
    assert_eq!(entry.used_at, None);
    let now = signalbus_core::Clock::now(&h.clock);
    assert_eq!(entry.changed_at.as_microsecond(), now.as_microsecond());
}

/// Nobody reads what is another's, whoever they are.
pub async fn an_entry_of_another_owner_is_not_there(h: Harness) {
    let (acme, other) = (of("acme"), of("other"));
    h.put(
        &acme,
        Kind::Template,
        "welcome",
        Expect::Absent,
        Some(json!(1)),
    )
    .await
    .unwrap();
    for owner in [&other, &Owner::Host] {
        assert_eq!(
            h.directory
                .entry(owner, Kind::Template, "welcome")
                .await
                .unwrap(),
            None
        );
        let list = h
            .directory
            .entries(owner, Kind::Template, NamePage::first(10))
            .await
            .unwrap();
        assert_eq!(list, []);
        // And it can have one of the same name.
        h.put(
            owner,
            Kind::Template,
            "welcome",
            Expect::Absent,
            Some(json!(2)),
        )
        .await
        .unwrap();
    }
    let kept = h
        .directory
        .entry(&acme, Kind::Template, "welcome")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.body, json!(1));
    assert_eq!(
        h.directory
            .entry(&acme, Kind::Account, "welcome")
            .await
            .unwrap(),
        None
    );
}

/// Names come in the order of their bytes; a page begins behind a name, whether it is there or not.
pub async fn names_come_in_the_order_of_their_bytes_a_page_at_a_time(h: Harness) {
    let acme = of("acme");
    for name in ["b", "B", "ä", "a", "a b", "aa", "~"] {
        h.put(
            &acme,
            Kind::Recipient,
            name,
            Expect::Absent,
            Some(json!({})),
        )
        .await
        .unwrap();
    }
    let mut names = Vec::new();
    let mut page = NamePage::first(3);
    loop {
        let found = h
            .directory
            .entries(&acme, Kind::Recipient, page.clone())
            .await
            .unwrap();
        let Some(last) = found.last() else { break };
        assert!(found.len() <= 3);
        page.after = Some(last.name.clone());
        names.extend(found.into_iter().map(|entry| entry.name));
    }
    assert_eq!(names, ["B", "a", "a b", "aa", "b", "~", "ä"]);
    let behind = NamePage::first(1).after("a!");
    let found = h
        .directory
        .entries(&acme, Kind::Recipient, behind)
        .await
        .unwrap();
    assert_eq!(found[0].name, "aa");
}

/// By the last change of each, the first moment within and the last one without; pages go on behind what is left out.
pub async fn a_list_is_narrowed_by_when_its_entries_were_changed(h: Harness) {
    let acme = of("acme");
    let now = || signalbus_core::Clock::now(&h.clock);
    let mut times = Vec::new();
    for name in ["a", "b", "c", "d"] {
        h.clock.advance(std::time::Duration::from_secs(60));
        times.push(now());
        let (expect, body) = (Expect::Absent, Some(json!({})));
        h.put(&acme, Kind::Template, name, expect, body)
            .await
            .unwrap();
    }
    h.clock.advance(std::time::Duration::from_secs(60));
    // It counts when it was changed, not when it was made.
    h.put(&acme, Kind::Template, "a", Expect::Any, Some(json!(1)))
        .await
        .unwrap();
    times.push(now());
    for (from, before, expected) in [
        (None, None, &["a", "b", "c", "d"][..]),
        (Some(2), None, &["a", "c", "d"]),
        (None, Some(2), &["b"]),
        (Some(1), Some(3), &["b", "c"]),
        (Some(4), None, &["a"]),
        (Some(3), Some(3), &[]),
    ] {
        for limit in [1, 10] {
            let mut page = NamePage::first(limit);
            page.changed_from = from.map(|place: usize| times[place]);
            page.changed_before = before.map(|place: usize| times[place]);
            let mut names = Vec::new();
            loop {
                let asked = page.clone();
                let found = h.directory.entries(&acme, Kind::Template, asked).await;
                let found = found.unwrap();
                let Some(last) = found.last() else { break };
                page.after = Some(last.name.clone());
                names.extend(found.into_iter().map(|entry| entry.name));
            }
            assert_eq!(names, expected, "{from:?} {before:?}");
        }
    }
}

/// Quotes, wildcards and what looks like an end of a text are letters like any.
pub async fn a_name_of_any_letters_is_that_name_and_no_other(h: Harness) {
    let acme = of("acme");
    let names = [
        "%",
        "_",
        "'",
        "\"",
        "\\",
        "a' OR '1'='1",
        "; --",
        "🦀",
        "ada@example.org",
        "a/b?c=d",
    ];
    for name in names {
        h.put(
            &acme,
            Kind::Recipient,
            name,
            Expect::Absent,
            Some(json!(name)),
        )
        .await
        .unwrap();
    }
    for name in names {
        let entry = h
            .directory
            .entry(&acme, Kind::Recipient, name)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(entry.body, json!(name));
    }
    for name in ["", "a", "a\0b", "%%", "''"] {
        assert_eq!(
            h.directory
                .entry(&acme, Kind::Recipient, name)
                .await
                .unwrap(),
            None
        );
    }
    let all = NamePage::first(100).after("\0");
    let found = h
        .directory
        .entries(&acme, Kind::Recipient, all)
        .await
        .unwrap();
    assert_eq!(found.len(), names.len());
}

/// Whatever JSON can say is kept.
pub async fn any_json_comes_back_as_it_was(h: Harness) {
    let body = json!({
        "nul": "a\u{0}b", "deep": [[[{ "x": null }]]], "big": u64::MAX, "small": -0.000_1,
        "text": "\u{2028} \u{202e} é 🦀", "": [], "yes": true,
    });
    h.put(
        &Owner::Host,
        Kind::Tenant,
        "acme",
        Expect::Any,
        Some(body.clone()),
    )
    .await
    .unwrap();
    let entry = h
        .directory
        .entry(&Owner::Host, Kind::Tenant, "acme")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(entry.body, body);
}

/// Of all owners, in the order of their changes, each in its newest state.
pub async fn what_was_changed_can_be_followed(h: Harness) {
    let mut put = Vec::new();
    for (owner, name) in [("acme", "a"), ("other", "a"), ("acme", "b"), ("acme", "a")] {
        let revision = h
            .put(
                &of(owner),
                Kind::Template,
                name,
                Expect::Any,
                Some(json!(put.len())),
            )
            .await;
        put.push(revision.unwrap());
    }
    h.put(
        &of("acme"),
        Kind::Recipient,
        "a",
        Expect::Any,
        Some(json!(0)),
    )
    .await;
    let after = async |revision, limit| -> Vec<(u64, serde_json::Value)> {
        let found = h
            .directory
            .changed(Kind::Template, revision, limit)
            .await
            .unwrap();
        found
            .into_iter()
            .map(|entry| (entry.revision, entry.body))
            .collect()
    };
    let all = [(put[1], json!(1)), (put[2], json!(2)), (put[3], json!(3))];
    assert_eq!(after(0, 10).await, all);
    assert_eq!(after(0, 2).await, all[..2]);
    assert_eq!(after(put[1], 10).await, all[1..]);
    assert_eq!(after(put[3], 10).await, []);
}
