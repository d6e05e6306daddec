use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use signalbus_core::bus::{Bus, BusErrorKind, Place, Start};
use signalbus_kafka::{
    Credentials, KafkaBus, KafkaConfig, Sasl, TlsOptions, TokenError, TokenSource,
};
use signalbus_servers::Kafka;

use crate::support::{all, envelope, eventually, fresh, offset, read};

fn sasl(mechanism: fn(Credentials) -> Sasl, password: &str) -> Sasl {
    mechanism(Credentials::new(Kafka::USER, password))
}

/// Publishes, reads and commits: each on a connection of its own.
async fn works(config: KafkaConfig, broker: &Kafka, what: &str) {
    let config = config
        .with_new_topics(1, 1)
        .with_mirror(Some(Duration::from_millis(100)));
    let bus = KafkaBus::new(config).expect("a bus");
    let (topic, group) = (fresh("secure"), fresh("group"));
    bus.publish(vec![envelope(&topic, "key", what)])
        .await
        .expect(what);
    let mut subscription = bus.subscribe(&topic, &group).await.expect(what);
    subscription
        .assign(all(1, Start::Earliest))
        .await
        .expect(what);
    let read = read(&mut *subscription, 1).await;
    subscription
        .ack(vec![Place::Offset(offset(&read[0]))])
        .await
        .expect(what);
    assert_eq!(subscription.lag().await.expect(what)[0].behind, 0);
    eventually(what, async || {
        let addresses = broker.addresses();
        let words = [
            "--bootstrap-server",
            &addresses,
            "--describe",
            "--group",
            &group,
        ];
        let class = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
        Kafka::tool(class, &words).is_ok_and(|table| table.contains(&topic))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_sign_in_works_in_plain_text_and_over_tls() {
    let broker = Kafka::start(1).expect("a broker");
    let authority = broker.authority().expect("an authority");
    let mechanisms = [Sasl::Plain, Sasl::ScramSha256, Sasl::ScramSha512];
    for mechanism in mechanisms {
        let sasl = sasl(mechanism, Kafka::PASSWORD);
        let what = format!("{sasl:?}");
        assert!(!what.contains(Kafka::PASSWORD), "the password is shown");
        let plain = KafkaConfig::new(&broker.sasl()).expect("addresses");
        works(plain.with_sasl(sasl.clone()), &broker, &what).await;
        let secure = KafkaConfig::new(&broker.sasl_tls()).expect("addresses");
        let tls = TlsOptions::new().trust_only(&authority);
        works(secure.with_sasl(sasl).with_tls(tls), &broker, &what).await;
    }
    for (addresses, tls) in [(broker.sasl(), false), (broker.sasl_tls(), true)] {
        let config = KafkaConfig::new(&addresses).expect("addresses");
        let config = config.with_sasl(Sasl::OAuthBearer(Arc::new(Unsigned)));
        let config = if tls {
            config.with_tls(TlsOptions::new().trust_only(&authority))
        } else {
            config
        };
        works(config, &broker, "a token").await;
    }
    refused(&broker, &authority).await;
}

/// Gives tokens as RFC 7519 section 6 has them: without a signature.
#[derive(Debug)]
struct Unsigned;

#[async_trait::async_trait]
impl TokenSource for Unsigned {
    async fn token(&self) -> Result<SecretString, TokenError> {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
        let now = jiff::Timestamp::now().as_second();
        let claims = format!(
            r#"{{"sub":"{}","iat":{now},"exp":{}}}"#,
            Kafka::USER,
            now + 600
        );
        let token = format!(
            "{}.{}.",
            BASE64.encode(r#"{"alg":"none"}"#),
            BASE64.encode(claims)
        );
        Ok(token.into())
    }
}

/// What is wrong is said, in time, and without a secret.
async fn refused(broker: &Kafka, authority: &str) {
    let topic = fresh("refused");
    let deadline = Duration::from_secs(2);
    let plain = KafkaConfig::new(&broker.sasl()).expect("addresses");
    let secure = KafkaConfig::new(&broker.sasl_tls()).expect("addresses");
    let trusted = TlsOptions::new().trust_only(authority);
    for (config, hint) in [
        (
            plain.clone().with_sasl(sasl(Sasl::Plain, "wrong-secret")),
            "sign-in",
        ),
        (
            plain.with_sasl(sasl(Sasl::ScramSha512, "wrong-secret")),
            "sign-in",
        ),
        (
            secure
                .clone()
                .with_tls(trusted)
                .with_sasl(sasl(Sasl::ScramSha256, "wrong-secret")),
            "sign-in",
        ),
        (
            secure
                .with_tls(TlsOptions::new())
                .with_sasl(sasl(Sasl::Plain, Kafka::PASSWORD)),
            "TLS",
        ),
    ] {
        let bus = KafkaBus::new(config.with_deadline(deadline)).expect("a bus");
        for error in [
            bus.publish(vec![envelope(&topic, "key", "x")])
                .await
                .expect_err("refused"),
            bus.subscribe(&topic, "group").await.expect_err("refused"),
        ] {
            assert_eq!(error.kind(), BusErrorKind::Unavailable);
            let text = format!("{error} {error:?}");
            assert!(text.contains(hint), "{hint}: {text}");
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
