//! The same in two processes of the operating system, over HTTP: this program starts itself as a server.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use signalbus_core::{
    TenantId,
    directory::{
        Owner,
        keys::{NewKey, Scope},
    },
};
use signalbus_http::{ServeOptions, serve};
use tokio::net::TcpListener;

/// Tells a child which schema it serves.
const SCHEMA: &str = "SIGNALBUS_TEST_SHARED_SCHEMA";

/// What a child says when it can be asked.
const LISTENS: &str = "listens on ";

/// A server in a process of its own, ended when dropped.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(schema: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "processes::a_child_serves",
                "--ignored",
                "--nocapture",
            ])
            .env(SCHEMA, schema)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some((_, address)) = line.split_once(LISTENS) {
                break address.to_owned();
            }
        };
        Self { child, address }
    }

    /// The status of one request on a connection of its own.
    fn ask(&self, method: &str, path: &str, key: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server of a child; it ends with its standard input, and so with its parent.
#[test]
#[ignore = "another test starts it in a process of its own"]
fn a_child_serves() {
    let schema = std::env::var(SCHEMA).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let (api, store) = crate::server(&schema).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{LISTENS}{}", listener.local_addr().unwrap());
        let parent = async {
            let gone = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            tokio::task::spawn_blocking(gone).await.unwrap().unwrap();
        };
        serve(listener, api.router(), ServeOptions::default(), parent)
            .await
            .unwrap();
        store.close().await;
    });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the promise is in real time")]
fn a_key_that_one_process_revokes_is_refused_by_another_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let schema = crate::schema(&folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (admin, reader, id) = runtime.block_on(async {
        let (api, store) = crate::server(&schema).await;
        let acme = Owner::Tenant(TenantId::new("acme").unwrap());
        let new = |label: &str, scope| NewKey::new(acme.clone(), label, [scope]);
        let keys = api.keys();
        let (admin, _) = keys
            .issue("test", new("admin", Scope::Admin))
            .await
            .unwrap();
        let (reader, made) = keys
            .issue("test", new("reader", Scope::Read))
            .await
            .unwrap();
        store.close().await;
        (
            admin.expose().to_owned(),
            reader.expose().to_owned(),
            made.id,
        )
    });
    let (first, second) = (Process::start(&schema), Process::start(&schema));
    assert_ne!(first.child.id(), second.child.id());
    // Each has found it good, and more than once.
    for _ in 0..3 {
        for process in [&first, &second] {
            assert_eq!(process.ask("GET", "/v1/deliveries", &reader), 200);
        }
    }
    let revoked = first.ask("POST", &format!("/v1/keys/{id}/revoke"), &admin);
    assert_eq!(revoked, 200);
    let answered = Instant::now();
    // By the next request that comes in anywhere, not soon.
    for process in [&second, &first] {
        assert_eq!(process.ask("GET", "/v1/deliveries", &reader), 401);
    }
    let took = answered.elapsed();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(
        second.ask("GET", "/v1/keys", &admin),
        200,
        "others stay good"
    );
}
