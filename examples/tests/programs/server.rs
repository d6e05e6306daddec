//! The notification server: what was answered is there after a kill, the first key is its owner's alone,
//! a signal ends it in good order, a key that one process revokes is refused by another, and tenants send through
//! accounts of their own.

#![cfg(unix)]

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    process::{Child, ChildStdout, Command},
};

use serde_json::{Value, json};
use signalbus_testkit::smtp::{ServerOptions, SmtpServer};

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
        Self::start_with(program, &["--data", "data"])
    }

    fn start_with(program: &Program, more: &[&str]) -> Self {
        let args = [&["--listen", "127.0.0.1:0"], more].concat();
        let mut child = program.spawn(&args);
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

fn client() -> reqwest::Client {
    // The client has no cryptography of its own, as other crates here leave the choice open; it
    // fails when it was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

async fn publish(origin: &str, key: &str) -> (u16, Value) {
    let event = json!({
        "topic": "auth.code",
        "to": [{ "addresses": { "sms": "+447700900123" } }],
        "data": { "code": "123456", "minutes": 10 },
    });
    let request = client()
        .post(format!("{origin}/v1/events"))
        .bearer_auth(key)
        .header("idempotency-key", "\"once\"")
        .json(&event);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Asks as the host for a tenant.
async fn ask(
    (origin, key): (&str, &str),
    method: &str,
    path: &str,
    tenant: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client()
        .request(method, format!("{origin}{path}"))
        .bearer_auth(key)
        .header("signalbus-tenant", tenant);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
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

/// Two processes that have nothing but a Postgres database and a pepper in common.
#[tokio::test]
async fn a_key_that_one_process_revokes_is_refused_by_another_within_a_second() {
    let url = signalbus_servers::url(signalbus_servers::POSTGRES_URL);
    let url = url.unwrap_or_else(|error| panic!("{error}"));
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().file_name().unwrap().to_string_lossy();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let store = format!("{url}?schema=server_{}", name.to_lowercase());
    let program = Program::new("notification-server", dir.path());
    let first = Server::start_with(&program, &["--data", "one", "--store", &store]);
    std::fs::create_dir(dir.path().join("two")).unwrap();
    let pepper = |of: &str| dir.path().join(of).join("pepper");
    std::fs::copy(pepper("one"), pepper("two")).unwrap();
    let second = Server::start_with(&program, &["--data", "two", "--store", &store]);
    let admin = std::fs::read_to_string(dir.path().join("one/admin.key")).unwrap();
    let host = (first.origin.as_str(), admin.trim());

    let new = json!({ "label": "reader", "scopes": ["read"] });
    let (status, made) = ask(host, "POST", "/v1/keys", "default", Some(&new)).await;
    assert_eq!(status, 201, "{made}");
    let key = made["token"].as_str().unwrap();
    let look = async |server: &Server| {
        let request = client().get(format!("{}/v1/deliveries", server.origin));
        let answer = request.bearer_auth(key).send().await.unwrap();
        answer.status().as_u16()
    };
    // Both have seen it and found it good, more than once.
    for _ in 0..3 {
        assert_eq!((look(&first).await, look(&second).await), (200, 200));
    }
    let path = format!("/v1/keys/{}/revoke", made["key"]["id"].as_str().unwrap());
    let (status, revoked) = ask(host, "POST", &path, "default", None).await;
    assert_eq!(status, 200, "{revoked}");
    let answered = std::time::Instant::now();
    // Not "soon": by the next request that comes in anywhere.
    assert_eq!((look(&second).await, look(&first).await), (401, 401));
    assert!(answered.elapsed() < std::time::Duration::from_secs(1));
    for server in [first, second] {
        server.end();
    }
}

/// Each through the mail server that it has an account with, the others into the folder.
#[tokio::test]
async fn tenants_send_their_mails_through_accounts_of_their_own() {
    let servers = [mail_server("acme").await, mail_server("other").await];
    let dir = tempfile::tempdir().unwrap();
    let program = Program::new("notification-server", dir.path());
    let networks = ["--account-networks", "127.0.0.0/8"];
    let args = [&["--data", "data", "--accounts", "own"], &networks[..]].concat();
    let server = Server::start_with(&program, &args);
    let admin = std::fs::read_to_string(dir.path().join("data/admin.key")).unwrap();
    let host = (server.origin.as_str(), admin.trim());
    for tenant in ["acme", "other", "third"] {
        let path = format!("/v1/tenants/{tenant}");
        let (status, put) = ask(host, "PUT", &path, "default", Some(&json!({}))).await;
        assert_eq!(status, 200, "{put}");
    }
    for (tenant, mails) in ["acme", "other"].into_iter().zip(&servers) {
        let account = json!({
            "channel": "email", "provider": "smtp", "host": "127.0.0.1", "port": mails.port(),
            "secret": { "user": tenant, "password": format!("s3cr3t-{tenant}") },
        });
        let (status, put) = ask(host, "PUT", "/v1/accounts/mail", tenant, Some(&account)).await;
        assert_eq!(status, 200, "{put}");
        assert!(!put.to_string().contains("s3cr3t"), "{put}");
    }
    for tenant in ["acme", "other", "third"] {
        let event = json!({
            "topic": "user.signup",
            "idempotency": "none",
            "to": [{ "name": "Ada", "addresses": { "email": "ada@example.org" } }],
            "data": {
                "plan": "starter", "confirm_url": "https://acme.example/confirm", "valid_hours": 24,
                "getting_started": [],
            },
        });
        let (status, taken) = ask(host, "POST", "/v1/events", tenant, Some(&event)).await;
        assert_eq!(status, 202, "{taken}");
        let path = format!("/v1/events/{}", taken["event"].as_str().unwrap());
        loop {
            let (_, event) = ask(host, "GET", &path, tenant, None).await;
            let delivery = &event["deliveries"][0];
            match delivery["state"].as_str().unwrap() {
                "accepted" => break,
                "waiting" | "sending" => tokio::task::yield_now().await,
                other => panic!("{other}: {delivery}"),
            }
        }
        let (_, attempts) = ask(host, "GET", "/v1/attempts", tenant, None).await;
        assert!(!attempts.to_string().contains("s3cr3t"), "{attempts}");
    }
    for (tenant, mails) in ["acme", "other"].into_iter().zip(&servers) {
        assert_eq!(mails.mails().len(), 1, "{tenant}");
        assert_eq!(mails.visits()[0].user.as_deref(), Some(tenant));
    }
    let folder = std::fs::read_dir(dir.path().join("data/mails")).unwrap();
    let is_mail = |name: &str| name.ends_with(".eml");
    let kept = folder.filter(|file| is_mail(&file.as_ref().unwrap().file_name().to_string_lossy()));
    assert_eq!(kept.count(), 1, "the third has no account");
    let said = server.end();
    assert!(!said.contains("s3cr3t"), "{said}");
}

async fn mail_server(user: &str) -> SmtpServer {
    let options = ServerOptions::new()
        .mechanisms(&["PLAIN"])
        .account(user, &format!("s3cr3t-{user}"));
    SmtpServer::start(options).await
}
