//! `doctor` asks real servers what they are.

#![cfg(test)]

#[allow(dead_code, reason = "each program of tests uses a part of it")]
mod common;

use crate::common::signalbus;

fn url(variable: &str) -> String {
    signalbus_servers::url(variable).unwrap_or_else(|error| panic!("{error}"))
}

/// Host and port of a URL.
fn place(url: &str) -> String {
    let bare = url.split("://").last().unwrap();
    let bare = bare.split('@').next_back().unwrap();
    bare.split(['/', '?', ',']).next().unwrap().to_owned()
}

#[test]
fn a_redis_server_tells_its_version() {
    let place = place(&url(signalbus_servers::REDIS_URL));
    let said = signalbus("", &["doctor", "--server", &format!("redis://{place}")]).good();
    let line = said.out.lines().find(|line| line.contains(&place)).unwrap();
    let version = line.rsplit(' ').next().unwrap();
    assert!(
        line.contains(" is Redis ") || line.contains(" is Valkey "),
        "{line}"
    );
    assert!(
        version.starts_with(|first: char| first.is_ascii_digit()),
        "{line}"
    );
    // What it is not.
    let other = signalbus("", &["doctor", "--server", &format!("kafka://{place}")]);
    other
        .has("good: version: signalbus ")
        .has(&format!("{place} takes a connection, and"));
}

#[test]
fn a_postgres_server_tells_its_version() {
    let url = url(signalbus_servers::POSTGRES_URL);
    let said = signalbus(&url, &["doctor"]);
    assert!(said.out.contains("good: version: Postgres 1"), "{said:?}");
}

#[test]
fn a_kafka_broker_tells_what_it_understands() {
    let place = place(&url(signalbus_servers::KAFKA));
    signalbus("", &["doctor", "--server", &format!("kafka://{place}")])
        .good()
        .has(&format!("good: server: {place} is Kafka: "));
}
