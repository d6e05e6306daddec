//! What a broker is told.

use std::{fmt::Write, path::Path};

/// The ports of one broker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) plain: u16,
    pub(super) controller: u16,
    pub(super) sasl: u16,
    pub(super) sasl_tls: u16,
}

/// Who may sign in, with every mechanism.
pub(super) const USER: &str = "alice";
pub(super) const PASSWORD: &str = "alice-secret";
pub(super) const STORE_PASSWORD: &str = "signalbus";

/// The file of settings of the broker `id`, counted from one, among these.
pub(super) fn properties(folder: &Path, keys: &Path, ports: &[Ports], id: usize) -> String {
    let voters: Vec<String> = ports
        .iter()
        .enumerate()
        .map(|(place, ports)| format!("{}@127.0.0.1:{}", place + 1, ports.controller))
        .collect();
    let Ports {
        plain,
        controller,
        sasl,
        sasl_tls,
    } = ports[id - 1];
    let brokers = ports.len();
    let mut text = format!(
        "process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SASL_PLAINTEXT://127.0.0.1:{sasl},SASL_SSL://127.0.0.1:{sasl_tls}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_PLAINTEXT://127.0.0.1:{sasl},SASL_SSL://localhost:{sasl_tls}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
ssl.keystore.type=PKCS12
ssl.keystore.location={keys}
ssl.keystore.password={STORE_PASSWORD}
log.dirs={data}
offsets.topic.replication.factor={brokers}
offsets.topic.num.partitions=1
transaction.state.log.replication.factor={brokers}
transaction.state.log.num.partitions=1
transaction.state.log.min.isr={quorum}
min.insync.replicas={quorum}
default.replication.factor={brokers}
replica.lag.time.max.ms=5000
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
broker.session.timeout.ms={session}
broker.heartbeat.interval.ms=300
",
        voters = voters.join(","),
        keys = keys.display(),
        data = folder.join("data").display(),
        quorum = if brokers > 1 { 2 } else { 1 },
        session = if brokers > 1 { 3000 } else { 2000 },
    );
    for listener in ["sasl_plaintext", "sasl_ssl"] {
        let module = "org.apache.kafka.common.security";
        let _ = writeln!(
            text,
            "listener.name.{listener}.plain.sasl.jaas.config={module}.plain.PlainLoginModule required user_{USER}=\"{PASSWORD}\";"
        );
        // Takes tokens that nobody signed.
        let _ = writeln!(
            text,
            "listener.name.{listener}.oauthbearer.sasl.jaas.config={module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"{USER}\";"
        );
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            let _ = writeln!(
                text,
                "listener.name.{listener}.{mechanism}.sasl.jaas.config={module}.scram.ScramLoginModule required;"
            );
        }
    }
    text
}
