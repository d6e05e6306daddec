//! What every positioned bus has to do, for this one.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

use signalbus_kafka::{KafkaBus, KafkaConfig};

signalbus_testkit::bus_suite! {
    kind: positioned,
    open: async |_topics| {
        let addresses = signalbus_servers::url(signalbus_servers::KAFKA).expect("a broker");
        let config = KafkaConfig::new(&addresses).expect("addresses");
        KafkaBus::new(config.with_new_topics(4, 1)).expect("a bus")
    },
}
