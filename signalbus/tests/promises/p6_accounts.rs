//! P6: what goes wrong at one tenant's provider is nobody else's matter.

use signalbus::{
    Class, Policy,
    channel::Email,
    name::PoolName,
    provider::{Fault, Outcome, SendError},
    store::{AttemptOutcome, EndState, Reason},
};
use signalbus_testkit::provider::{Play, ScriptedProvider};

use crate::common::{
    MINUTE, S, World, assert_ended, assert_waiting, attempts, note, policy, send, send_now, tenant,
};

/// A provider of its own for some.
fn provider(world: &World, name: &str) -> ScriptedProvider<Email> {
    ScriptedProvider::new(std::sync::Arc::new(world.clock.clone())).named(name)
}

fn pool(name: &str) -> PoolName {
    PoolName::new(name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_of_one_tenant_stops_that_tenant_alone() {
    let world = World::new();
    let its_own = provider(&world, "mail-of-acme");
    its_own.default(Play::fail(|| {
        SendError::retryable(Fault::Configuration, "wrong key")
    }));
    let mail = world.mail().for_tenant(tenant("acme"), its_own.clone());
    let bus = world.start_with(mail).await;
    let kept = send(&bus, note("acme").tenant("acme")).await;
    for key in ["one", "two", "three"] {
        let sent = send(&bus, note(key)).await;
        world.pass(S).await;
        assert_ended(&bus, sent, EndState::Accepted, Reason::Sent).await;
    }
    let record = bus.store().delivery(&tenant("acme"), kept).await.unwrap();
    let record = record.unwrap();
    assert_eq!(record.state.as_str(), "waiting", "its messages are kept");
    assert!(world.email.books().requests_of(kept).is_empty());

    its_own.heal();
    world.pass(5 * MINUTE).await;
    its_own.books().assert_sent_once(kept);
}

#[tokio::test(start_paused = true)]
async fn a_pool_is_sent_by_its_own_provider_and_a_tenant_comes_before_a_pool() {
    let world = World::new();
    let [alerts, acme, both] = ["alerts", "acme", "acme-alerts"].map(|name| provider(&world, name));
    let mail = world
        .mail()
        .for_pool(pool("alerts"), alerts.clone())
        .for_tenant(tenant("acme"), acme.clone())
        .for_tenant_pool(tenant("acme"), pool("alerts"), both.clone());
    let policy = policy()
        .on::<Email>("alert")
        .template("alert", "note")
        .pool("alert", pool("alerts"));
    let bus = world.engine(mail).policy(policy).start().await.unwrap();
    let alert = |key: &str| {
        let mut event = note(key);
        event.topic = "alert".to_owned();
        event
    };
    let plain = send_now(&bus, note("1")).await;
    let of_pool = send_now(&bus, alert("2")).await;
    let of_tenant = send_now(&bus, note("3").tenant("acme")).await;
    let of_both = send_now(&bus, alert("4").tenant("acme")).await;
    world.email.books().assert_sent_once(plain);
    alerts.books().assert_sent_once(of_pool);
    acme.books().assert_sent_once(of_tenant);
    both.books().assert_sent_once(of_both);
    assert_eq!(world.email.requests().len(), 1);
    assert_eq!(
        attempts(&bus, of_pool).await[0]
            .provider
            .as_ref()
            .unwrap()
            .as_str(),
        "alerts"
    );
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_down_does_not_fill_the_hands_of_the_others() {
    let world = World::new();
    let its_own = provider(&world, "mail-of-acme");
    its_own.default(Play::fail(|| SendError::retryable(Fault::Provider, "down")));
    let mail = world.mail().for_tenant(tenant("acme"), its_own.clone());
    let bus = world.start_with(mail).await;
    let flood = (0..6_000).map(|number| {
        let event = note(&format!("flood-{number}"));
        event.tenant("acme").class(Class::Standard)
    });
    bus.publish_all(flood.collect()).await.unwrap();
    world.pass(MINUTE).await;
    let sent = send(&bus, note("other")).await;
    world.pass(S).await;
    assert_ended(&bus, sent, EndState::Accepted, Reason::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_paused_is_left_alone_until_it_is_resumed() {
    use signalbus::store::Paused;
    let world = World::new();
    let bus = world.start().await;
    let what = || Paused::everything().provider("mail".parse().unwrap());
    assert!(bus.pause(what(), "ops", "it moves").await.unwrap());
    world.pass(MINUTE).await;
    let kept = send(&bus, note("kept")).await;
    world.pass(MINUTE).await;
    assert_waiting(&bus, kept).await;
    assert!(world.email.requests().is_empty());
    assert!(bus.resume(&what()).await.unwrap().is_some());
    world.pass(MINUTE).await;
    world.email.books().assert_sent_once(kept);
    let outcome = &attempts(&bus, kept).await[0].outcome;
    assert!(!matches!(outcome, AttemptOutcome::Failed(Outcome::Unknown)));
}

#[tokio::test]
async fn a_channel_needs_a_provider_for_everybody() {
    let world = World::new();
    let its_own = provider(&world, "mail-of-acme");
    let known = signalbus::ChannelSetup::known(crate::common::sender());
    let mail = known.for_tenant(tenant("acme"), its_own);
    let refused = world
        .engine(mail)
        .policy(Policy::new())
        .build()
        .unwrap_err();
    assert!(
        refused.to_string().contains("provider of all others"),
        "{refused}"
    );
}
