//! What `fetch` returns, and how much of it.

use std::{collections::BTreeSet, time::Duration};

use signalbus_core::{
    Class, Clock, DeliveryId,
    store::{Account, ClassWindow, Epoch, Fetched, Group, Next, Ready, Window},
};

use super::{Draft, Harness, Worker, acme, all_of, channel, everything, result, tenant};

/// A delivery is described as the engine needs it to schedule it.
pub async fn a_ready_delivery_says_what_it_is(h: Harness) {
    let expires_at = h.after(Duration::from_hours(1));
    let draft = h
        .event()
        .class(Class::Urgent)
        .to("ada")
        .expires_at(expires_at);
    let event = draft.id;
    let [ada] = h.given(draft).await;
    let accepted_at = h.now();
    h.clock.advance(Duration::from_secs(3));
    let worker = h.worker().await;
    let fetched = worker.fetch().await;
    assert_eq!(fetched.now, h.now());
    let [ready] = fetched.ready.as_slice() else {
        panic!("one delivery, not {}", fetched.ready.len());
    };
    assert_eq!((ready.id, ready.event), (ada, event));
    assert_eq!(ready.position, h.delivery(ada).await.position);
    assert_eq!(
        (&ready.tenant, &ready.channel),
        (&acme(), &channel("email"))
    );
    assert_eq!(ready.class, Class::Urgent);
    assert!(worker.leases.iter().any(|lease| lease.lane == ready.lane));
    assert_eq!((ready.generation, ready.attempt), (0, 0));
    assert_eq!((ready.failures, ready.suspicion), (0, 0));
    assert_eq!((ready.since, ready.accepted_at), (accepted_at, accepted_at));
    assert_eq!(ready.expires_at, Some(expires_at));
}

/// Reading changes nothing: what was read is read again until it is claimed.
pub async fn reading_takes_nothing_away(h: Harness) {
    let [ada] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    assert!(worker.sees(ada).await);
    let ready = worker.ready(ada).await;
    worker.claims(&ready).await;
    assert!(!worker.sees(ada).await);
}

/// P6: a tenant's many do not hide another's few.
pub async fn many_of_one_tenant_do_not_hide_the_few_of_another(h: Harness) {
    h.accept([many(&h, "big", 60)]).await;
    h.accept([many(&h, "small", 3)]).await;
    let worker = h.worker().await;
    let window = Window {
        per_group: 5,
        ..everything()
    };
    let fetched = worker.fetch_window(window).await;
    let of_small = fetched
        .ready
        .iter()
        .filter(|ready| ready.tenant == tenant("small"))
        .count();
    assert_eq!(of_small, 3);
    for group in groups(&fetched) {
        let size = fetched.ready.iter().filter(|r| is_in(r, &group)).count();
        assert!(size <= 5, "{size} of {group:?}");
    }
}

/// P5: of a group the lowest positions come, lowest first.
pub async fn a_group_is_read_from_the_front(h: Harness) {
    h.accept([many(&h, "acme", 60)]).await;
    let worker = h.worker().await;
    let all = worker.fetch().await;
    let window = Window {
        per_group: 3,
        ..everything()
    };
    let fetched = worker.fetch_window(window).await;
    for group in groups(&all) {
        let of = |fetched: &Fetched| -> Vec<i64> {
            let ready = fetched.ready.iter().filter(|ready| is_in(ready, &group));
            ready.map(|ready| ready.position.0).collect()
        };
        let (front, all) = (of(&fetched), of(&all));
        assert!(all.is_sorted(), "{group:?}: {all:?}");
        assert_eq!(front, all[..all.len().min(3)], "{group:?}");
    }
}

/// A class that is cut says where, and goes on there: nothing is left out for ever.
pub async fn a_class_that_is_cut_goes_on_behind_the_cut(h: Harness) {
    for name in ["a", "b", "c", "d"] {
        h.accept([many(&h, name, 5)]).await;
    }
    let worker = h.worker().await;
    let mut class = ClassWindow {
        total: 3,
        ..all_of(Class::Standard)
    };
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        let window = Window {
            classes: vec![class.clone()],
            per_group: 1,
            ..everything()
        };
        let fetched = worker.fetch_window(window).await;
        assert!(fetched.ready.len() <= 3);
        for ready in &fetched.ready {
            assert!(
                fetched
                    .ready
                    .iter()
                    .filter(|other| is_in(other, &ready.group()))
                    .count()
                    == 1,
                "one of each group"
            );
            seen.insert(ready.group());
        }
        let [(Class::Standard, cut)] = fetched.resume.as_slice() else {
            panic!("a class that was cut says where: {:?}", fetched.resume);
        };
        class.after = Some(cut.clone());
    }
    assert_eq!(seen, groups(&worker.fetch().await));
}

/// A class that was read to its end says nothing about a cut.
pub async fn a_class_that_is_not_cut_says_so(h: Harness) {
    h.accept([many(&h, "acme", 5)]).await;
    let worker = h.worker().await;
    let exactly = Window {
        classes: vec![ClassWindow {
            total: 5,
            ..all_of(Class::Standard)
        }],
        ..everything()
    };
    let fetched = worker.fetch_window(exactly).await;
    assert_eq!(fetched.ready.len(), 5);
    assert_eq!(fetched.resume, []);
}

/// Each class has its own total; one that is not asked for is not read.
pub async fn classes_are_read_apart(h: Harness) {
    h.accept([many(&h, "acme", 30).class(Class::Bulk)]).await;
    let [code] = h.given(h.event().class(Class::Urgent).to("ada")).await;
    let worker = h.worker().await;
    let window = Window {
        classes: vec![
            ClassWindow {
                total: 2,
                ..all_of(Class::Bulk)
            },
            all_of(Class::Urgent),
        ],
        ..everything()
    };
    let fetched = worker.fetch_window(window).await;
    assert_eq!(of_class(&fetched, Class::Bulk), 2);
    assert!(fetched.ready.iter().any(|ready| ready.id == code));
    let urgent = Window {
        classes: vec![all_of(Class::Urgent)],
        ..everything()
    };
    let fetched = worker.fetch_window(urgent).await;
    assert_eq!(of_class(&fetched, Class::Bulk), 0);
    assert_eq!(of_class(&fetched, Class::Urgent), 1);
}

/// What the engine has enough of is left out, for this class alone.
pub async fn what_is_in_hand_is_skipped(h: Harness) {
    let [mail, sms] = h.given(h.event().to("ada").to("ada").on("sms")).await;
    let [bulk] = h.given(h.event().class(Class::Bulk).to("ada")).await;
    let worker = h.worker().await;
    let account = |tenant, on| Account {
        channel: channel(on),
        tenant,
        pool: None,
    };
    let skip = vec![account(acme(), "email"), account(tenant("other"), "sms")];
    let window = Window {
        classes: vec![
            ClassWindow {
                skip,
                ..all_of(Class::Standard)
            },
            all_of(Class::Bulk),
        ],
        ..everything()
    };
    let mut found = ids(&worker.fetch_window(window).await);
    found.sort_unstable();
    assert_eq!(found, [sms, bulk]);
    assert!(worker.sees(mail).await);
}

/// P3: only lanes that the worker owns are read.
pub async fn only_lanes_that_are_held_are_read(h: Harness) {
    h.accept([many(&h, "acme", 40)]).await;
    let mut worker = h.worker().await;
    let all = worker.fetch().await.ready;
    let lane = all[0].lane;
    worker.leases.retain(|lease| lease.lane == lane);
    let expected: Vec<DeliveryId> = all
        .iter()
        .filter(|ready| ready.lane == lane)
        .map(|ready| ready.id)
        .collect();
    assert!(!expected.is_empty() && expected.len() < all.len());
    assert_eq!(ids(&worker.fetch().await), expected);
    worker.leases[0].epoch = Epoch(worker.leases[0].epoch.0 + 1);
    assert_eq!(ids(&worker.fetch().await), []);
}

/// Deliveries of a channel that the worker does not know wait.
pub async fn unknown_channels_wait(h: Harness) {
    let [mail, _, _] = h
        .given(
            h.event()
                .to("ada")
                .to("ada")
                .on("push")
                .to("bob")
                .on("push"),
        )
        .await;
    let mut worker = Worker::new(&h).on(&["email", "push"]);
    worker.hold().await;
    let fetched = worker.fetch().await;
    assert_eq!(ids(&fetched), [mail]);
    let window = Window {
        channels: vec![channel("email"), channel("push")],
        ..everything()
    };
    let fetched = worker.fetch_window(window).await;
    assert_eq!(fetched.ready.len(), 3);
}

/// A delivery for later waits until its time, and the store says when that is.
pub async fn what_is_for_later_waits(h: Harness) {
    let send_at = h.after(Duration::from_secs(60));
    let [later] = h.given(h.event().to("ada").send_at(send_at)).await;
    assert_eq!(h.delivery(later).await.due, Some(send_at));
    let worker = h.worker().await;
    let fetched = worker.fetch().await;
    assert_eq!(ids(&fetched), []);
    assert_eq!(fetched.next_due, Some(send_at));
    h.clock.advance(Duration::from_secs(60));
    let ready = worker.ready(later).await;
    assert_eq!(ready.since, send_at);
    assert_eq!(worker.fetch().await.next_due, None);
}

/// Rows that become ready behind what was read already are found: there is no cursor.
pub async fn what_becomes_due_late_is_found(h: Harness) {
    let send_at = h.after(Duration::from_secs(60));
    let [first] = h.given(h.event().to("ada").send_at(send_at)).await;
    let [second] = h.given(h.event().to("bob")).await;
    let [third] = h.given(h.event().to("cid")).await;
    let worker = h.worker().await;
    assert_eq!(worker.fetch().await.ready.len(), 2);
    worker.sends(third, "m-3").await;
    worker.postpones(second, Duration::from_secs(30)).await;
    assert!(!worker.sees(second).await);
    h.clock.advance(Duration::from_secs(60));
    assert!(worker.sees(first).await);
    assert!(worker.sees(second).await);
}

/// What waits for its time again, since the wall clock went back, takes no room in a window.
pub async fn what_waits_again_hides_nothing(h: Harness) {
    let [tried] = h.given(h.event().to("ada")).await;
    let [second] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let until = h.after(Duration::from_secs(1));
    worker.puts_off(tried, until).await;
    worker.puts_off(second, until).await;
    h.clock.advance(Duration::from_secs(1));
    assert!(worker.sees(tried).await && worker.sees(second).await);
    h.clock.set(h.clock.now() - Duration::from_mins(1));
    let [third] = h.given(h.event().to("ada")).await;
    let window = Window {
        per_group: 1,
        ..everything()
    };
    assert_eq!(ids(&worker.fetch_window(window).await), [third]);
}

/// A retry has its own window, so that new work does not hide it, nor it new work.
pub async fn retries_have_their_own_window(h: Harness) {
    let [tried] = h.given(h.event().to("ada")).await;
    let worker = h.worker().await;
    let ready = worker.ready(tried).await;
    worker.claims(&ready).await;
    worker
        .settles(result(&ready, Next::Retry(Duration::ZERO)))
        .await;
    let [new] = h.given(h.event().to("ada")).await;
    let window = Window {
        per_group: 1,
        ..everything()
    };
    let mut found = worker.fetch_window(window).await.ready;
    found.sort_by_key(|ready| ready.position);
    let [first, second] = found.as_slice() else {
        panic!("both, not {}", found.len());
    };
    assert!(first.id == tried && first.is_retry());
    assert!(second.id == new && !second.is_retry());
}

fn many(h: &Harness, tenant: &str, count: u32) -> Draft {
    (0..count).fold(h.event().tenant(tenant), |draft, number| {
        draft.to(&format!("person-{number}"))
    })
}

fn is_in(ready: &Ready, group: &Group) -> bool {
    ready.group() == *group
}

fn groups(fetched: &Fetched) -> BTreeSet<Group> {
    fetched.ready.iter().map(Ready::group).collect()
}

fn of_class(fetched: &Fetched, class: Class) -> usize {
    let of_class = fetched.ready.iter().filter(|ready| ready.class == class);
    of_class.count()
}

fn ids(fetched: &Fetched) -> Vec<DeliveryId> {
    fetched.ready.iter().map(|ready| ready.id).collect()
}
