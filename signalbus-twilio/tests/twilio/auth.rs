use std::time::Duration;

use signalbus::provider::{Fault, Outcome};
use signalbus_testkit::fakes::twilio::FakeTwilio;
use signalbus_twilio::{Auth, Pools};

use crate::support::{FROM, Parcel, Stage, pool, stage_with, token};

async fn signed_in_by(auth: Auth) -> Stage {
    stage_with(auth, Pools::new().pool(pool(&[FROM])), |config| config).await
}

fn key() -> Auth {
    Auth::Key {
        sid: FakeTwilio::KEY.to_owned(),
        secret: FakeTwilio::KEY_SECRET.into(),
    }
}

fn oauth(secret: &str) -> Auth {
    Auth::OAuth {
        client_id: FakeTwilio::CLIENT.to_owned(),
        client_secret: secret.into(),
    }
}

#[tokio::test]
async fn requests_are_signed_in_by_token_key_or_oauth() {
    for (auth, expected) in [
        (token(), "token"),
        (key(), "key"),
        (oauth(FakeTwilio::CLIENT_SECRET), "oauth"),
    ] {
        let stage = signed_in_by(auth).await;
        stage.send(&Parcel::new()).await.unwrap();
        assert_eq!(stage.fake.texts()[0].auth, expected);
    }
}

#[tokio::test]
async fn an_oauth_token_is_used_until_shortly_before_it_ends() {
    let stage = signed_in_by(oauth(FakeTwilio::CLIENT_SECRET)).await;
    for _ in 0..5 {
        stage.send(&Parcel::new()).await.unwrap();
    }
    assert_eq!(stage.fake.tokens(), 1);
    stage.clock.advance(Duration::from_secs(3541));
    stage.send(&Parcel::new()).await.unwrap();
    assert_eq!(stage.fake.tokens(), 2);
}

/// A 401 was not processed, so that one more request with a new token is safe.
#[tokio::test]
async fn an_oauth_token_that_was_withdrawn_is_replaced_at_once() {
    let stage = signed_in_by(oauth(FakeTwilio::CLIENT_SECRET)).await;
    stage.send(&Parcel::new()).await.unwrap();
    stage.fake.end_tokens();
    stage.send(&Parcel::new()).await.unwrap();
    assert_eq!(stage.fake.tokens(), 2);
    assert_eq!(stage.fake.texts().len(), 2);
}

#[tokio::test]
async fn wrong_credentials_pause_the_provider_and_nothing_is_sent() {
    for auth in [Auth::Token("c4n4ry".into()), oauth("c4n4ry")] {
        let stage = signed_in_by(auth).await;
        let error = stage.send(&Parcel::new()).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Configuration);
        assert_ne!(error.outcome(), Outcome::Unknown);
        assert!(!format!("{error} {error:?}").contains("c4n4ry"));
        assert!(stage.fake.texts().is_empty());
    }
}
