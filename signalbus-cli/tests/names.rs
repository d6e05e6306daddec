//! `doctor` asks a real name server: dnsmasq, on a port of its own.

#![cfg(test)]

use std::{
    fs,
    net::UdpSocket,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// dnsmasq with these TXT records, stopped when dropped.
struct NameServer {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl NameServer {
    fn start(records: &[(&str, &str)]) -> Self {
        let program = ["/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq"]
            .into_iter()
            .find(|program| Path::new(program).exists())
            .expect("this test needs dnsmasq: install the package dnsmasq-base");
        let port = UdpSocket::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        // Quotes are known in its file only, not in its arguments.
        let file = folder.path().join("dnsmasq.conf");
        let records = records
            .iter()
            .map(|(name, text)| format!("txt-record={name},{}\n", strings(text)));
        // What it does not know is not there, rather than refused.
        let settings = format!(
            "port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\n\
             pid-file\nlocal=/test/\n{}",
            records.collect::<String>()
        );
        fs::write(&file, settings).unwrap();
        let child = Command::new(program)
            .arg("--keep-in-foreground")
            .arg(format!("--conf-file={}", file.display()))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            child,
            address: format!("127.0.0.1:{port}"),
            _folder: folder,
        };
        server.wait();
        server
    }

    /// Until it answers.
    fn wait(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(std::time::Duration::from_millis(200)))
            .unwrap();
        // A question for the address of `a.test`.
        let question =
            b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x04test\x00\x00\x01\x00\x01";
        let mut answer = [0; 512];
        for _ in 0..100 {
            if socket.send_to(question, &self.address).is_ok() && socket.recv(&mut answer).is_ok() {
                return;
            }
        }
        panic!("dnsmasq does not answer on {}", self.address);
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A text as strings of at most 255 bytes each.
fn strings(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let strings: Vec<String> = bytes
        .chunks(200)
        .map(|part| format!("\"{}\"", part.iter().collect::<String>()))
        .collect();
    strings.join(",")
}

#[test]
fn the_dns_of_a_sender_is_looked_at_through_a_real_name_server() {
    let pem = include_str!("../../signalbus-smtp/tests/keys/rsa.pem");
    let (selector, record) = signalbus::smtp::DkimKey::new("acme.test", "s1", pem)
        .unwrap()
        .record();
    let server = NameServer::start(&[
        ("acme.test", "v=spf1 ip4:192.0.2.0/24 -all"),
        (&selector, &record),
        (
            "_dmarc.acme.test",
            "v=DMARC1; p=reject; rua=mailto:dmarc@acme.test",
        ),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    fs::write(&file, pem).unwrap();
    let key = format!("acme.test:s1:{}", file.display());
    let ask = |from: &str, host: &str, more: &[&str]| {
        let asked = [
            "doctor",
            "--from",
            from,
            "--host",
            host,
            "--dkim",
            &key,
            "--name-server",
            &server.address,
        ];
        // No store is named.
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_signalbus"));
        let output = command
            .args(asked)
            .args(more)
            .env_remove("SIGNALBUS_STORE")
            .output()
            .unwrap();
        (
            String::from_utf8(output.stdout).unwrap(),
            output.status.code().unwrap(),
        )
    };
    let (said, code) = ask("hello@acme.test", "192.0.2.10", &[]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("good: DKIM: s1._domainkey.acme.test has the key that signs"),
        "{said}"
    );
    assert!(!said.contains("problem"), "{said}");

    let (said, code) = ask("hello@acme.test", "198.51.100.7", &["--json"]);
    assert_eq!(code, 1, "a host that SPF does not list: {said}");
    let (said, code) = ask("hello@other.test", "192.0.2.10", &[]);
    assert_eq!(code, 1);
    assert!(said.contains("problem: SPF"), "{said}");
}
