use signalbus_core::provider::Fault;

use super::*;
use crate::provider::Play;

/// Sends to these in turn; which were accepted.
async fn accepted(scene: &Scene, to: &[&str]) -> Vec<bool> {
    let mut accepted = Vec::new();
    for to in to {
        accepted.push(scene.send(&scene.parcel(to)).await.is_ok());
    }
    accepted
}

fn no() -> Play {
    Play::permanent(Fault::Message)
}

#[tokio::test]
async fn a_row_of_plays_is_followed_by_the_default() {
    let scene = Scene::new();
    scene.provider.next([no(), Play::accept()]);
    scene.provider.next([no()]);
    assert_eq!(
        accepted(&scene, &[ADA; 5]).await,
        [false, true, false, true, true]
    );
    scene.provider.default(no());
    assert_eq!(accepted(&scene, &[ADA]).await, [false]);
}

#[tokio::test]
async fn a_recipient_has_a_row_of_their_own() {
    let scene = Scene::new();
    scene.provider.to(&number(BOB), [no(), Play::accept()]);
    assert_eq!(
        accepted(&scene, &[ADA, BOB, ADA, BOB, BOB]).await,
        [true, false, true, true, true]
    );
}

#[tokio::test]
async fn a_condition_holds_for_every_call() {
    let scene = Scene::new();
    let to_bob = |delivery: &Delivery<'_, Sms>| delivery.to.as_str() == BOB;
    scene.provider.when(to_bob, no());
    assert_eq!(
        accepted(&scene, &[BOB, ADA, BOB]).await,
        [false, true, false]
    );
}

#[tokio::test]
async fn the_most_special_rule_wins() {
    let scene = Scene::new();
    scene.provider.on_call(2, no());
    scene.provider.to(&number(BOB), [Play::accept()]);
    scene
        .provider
        .when(|delivery| delivery.to.as_str() == BOB, no());
    scene.provider.next([Play::accept()]);
    scene.provider.default(no());
    // Bob's row, the number of the call, the row, the default, the condition.
    assert_eq!(
        accepted(&scene, &[BOB, BOB, ADA, ADA, BOB]).await,
        [true, false, true, false, false]
    );
}

#[tokio::test]
async fn what_is_healed_takes_everything() {
    let scene = Scene::new();
    scene.provider.next([no(), no()]);
    scene.provider.to(&number(BOB), [no()]);
    scene.provider.when(|_| true, no());
    scene.provider.default(no());
    scene.provider.heal();
    assert_eq!(accepted(&scene, &[ADA, BOB]).await, [true, true]);
}
