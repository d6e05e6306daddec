//! The notification server: what was answered is there after a kill, the first key is its owner's alone,
//! and a signal ends it in good order.

#![cfg(unix)]

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Child, ChildStdout, Command},
};

use serde_json::{Value, json};

use crate::process::{Program, kill};

struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    said: String,
    origin: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(program: &Program) -> Self {
        let mut child = program.spawn(&["--listen", "127.0.0.1:0", "--data", "data"]);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        let origin = loop {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            said.push_str(&line);
            if let Some(origin) = line.trim().strip_prefix("listening on ") {
                break origin.to_owned();
            }
        };
        Self {
            child,
            stdout,
            said,
            origin,
        }
    }

    /// Asks for nothing but what ends by itself.
    fn end(mut self) -> String {
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(told.success());
        let rest = std::io::read_to_string(&mut self.stdout).unwrap();
        assert!(self.child.wait().unwrap().success());
        std::mem::take(&mut self.said) + &rest
    }
}

async fn publish(origin: &str, key: &str) -> (u16, Value) {
    let event = json!({
        "topic": "auth.code",
        "to": [{ "addresses": { "sms": "+447700900123" } }],
        "data": { "code": "123456", "minutes": 10 },
    });
    // The client has no cryptography of its own, as other crates here leave the choice open; it
    // fails when it was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::new()
        .post(format!("{origin}/v1/events"))
        .bearer_auth(key)
        .header("idempotency-key", "\"once\"")
        .json(&event);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_kill_and_a_signal_ends_it_in_good_order() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::new("notification-server", dir.path());
    let mut server = Server::start(&program);
    let file = dir.path().join("data/admin.key");
    let key = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    for secret in ["admin.key", "pepper", "master.key"] {
        let mode = std::fs::metadata(dir.path().join("data").join(secret)).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600, "{secret}");
    }
    assert!(!server.said.contains(&key[21..]), "the key is printed");
    let (status, first) = publish(&server.origin, &key).await;
    assert_eq!(status, 202, "{first}");
    assert_eq!(publish(&server.origin, "nobody's").await.0, 401);
    kill(&mut server.child);
    drop(server);
    let server = Server::start(&program);
    let address = server.origin.trim_start_matches("http://");
    let ready = |address: &str| {
        let mut asked = program.spawn(&["--health", "--listen", address]);
        asked.wait().unwrap().success()
    };
    assert!(ready(address), "it says of itself that it is not ready");
    assert!(!ready("127.0.0.1:1"), "nobody is there");
    let again = std::fs::read_to_string(&file).unwrap();
    assert_eq!(again.trim(), key, "the first key stays the first");
    let (status, answer) = publish(&server.origin, &key).await;
    assert_eq!((status, answer), (202, first));
    let said = server.end();
    assert!(said.trim_end().ends_with("stopped"), "{said}");
    assert!(!said.contains(&key[21..]), "the key is printed");
}
