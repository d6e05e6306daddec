//! Who did what.

use serde_json::json;
use signalbus_core::directory::{Done, Expect, Kind, Owner, TrailFilter};

use super::{
    Harness,
    harness::{change, of},
};

fn done(owner: &Owner, action: &str, target: &str) -> Done {
    Done {
        owner: owner.clone(),
        action: action.to_owned(),
        target: target.to_owned(),
    }
}

/// The line has the number of the revision, and says who, what and to what.
pub async fn every_change_leaves_a_line(h: Harness) {
    let acme = of("acme");
    let revision = h
        .put(
            &acme,
            Kind::Template,
            "t",
            Expect::Absent,
            Some(json!("secret")),
        )
        .await;
    let removal = change(&acme, Kind::Template, "t", Expect::Any, None);
    h.directory.change("grace", vec![removal]).await.unwrap();
    let lines = h
        .directory
        .trail(&acme, TrailFilter::newest(10))
        .await
        .unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (lines[0].actor.as_str(), lines[1].actor.as_str()),
        ("grace", "ada")
    );
    assert_eq!(Some(lines[1].number), revision);
    assert_eq!(lines[1].kind, Some(Kind::Template));
    assert_eq!(
        (lines[1].action.as_str(), lines[1].target.as_str()),
        ("template.changed", "t")
    );
    assert!(!format!("{lines:?}").contains("secret"));
}

/// What was done in the store, say.
pub async fn what_is_done_elsewhere_leaves_a_line(h: Harness) {
    let acme = of("acme");
    let number = h
        .directory
        .record("ada\0", done(&acme, "event.cancelled", "e\n1"))
        .await
        .unwrap();
    let lines = h
        .directory
        .trail(&acme, TrailFilter::newest(10))
        .await
        .unwrap();
    assert_eq!((lines[0].number, lines[0].kind), (number, None));
    assert_eq!(
        (lines[0].action.as_str(), lines[0].target.as_str()),
        ("event.cancelled", "e\n1")
    );
}

/// A tenant reads of its own things only.
pub async fn a_trail_is_its_owners(h: Harness) {
    for owner in [of("acme"), of("other"), Owner::Host] {
        h.directory
            .record("ada", done(&owner, "did", owner.as_str()))
            .await
            .unwrap();
    }
    for owner in [of("acme"), of("other"), Owner::Host] {
        let lines = h
            .directory
            .trail(&owner, TrailFilter::newest(10))
            .await
            .unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (&lines[0].owner, lines[0].target.as_str()),
            (&owner, owner.as_str())
        );
    }
}

/// By actor, action and time, a page at a time.
pub async fn lines_are_filtered_and_come_newest_first(h: Harness) {
    let acme = of("acme");
    let mut times = Vec::new();
    for place in 0..6 {
        h.clock.advance(std::time::Duration::from_secs(60));
        times.push(signalbus_core::Clock::now(&h.clock));
        let actor = if place % 2 == 0 { "ada" } else { "grace" };
        let action = if place < 3 { "first" } else { "then" };
        h.directory
            .record(actor, done(&acme, action, &place.to_string()))
            .await
            .unwrap();
    }
    let targets = async |filter: TrailFilter| -> Vec<String> {
        let lines = h.directory.trail(&acme, filter).await.unwrap();
        lines.into_iter().map(|line| line.target).collect()
    };
    let all = || TrailFilter::newest(10);
    assert_eq!(targets(all()).await, ["5", "4", "3", "2", "1", "0"]);
    assert_eq!(targets(all().actor("ada")).await, ["4", "2", "0"]);
    assert_eq!(targets(all().action("first").actor("grace")).await, ["1"]);
    assert_eq!(targets(all().action("none")).await, [""; 0]);
    let mut between = all();
    between.written_from = Some(times[1]);
    assert_eq!(targets(between.clone()).await, ["5", "4", "3", "2", "1"]);
    between.written_before = Some(times[4]);
    assert_eq!(targets(between.clone()).await, ["3", "2", "1"]);
    assert_eq!(targets(between.actor("ada")).await, ["2"]);
    let first = h
        .directory
        .trail(&acme, TrailFilter::newest(2))
        .await
        .unwrap();
    let next = TrailFilter::newest(2).before(first[1].number);
    assert_eq!(targets(next).await, ["3", "2"]);
}
